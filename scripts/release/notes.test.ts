import { expect, test } from "bun:test";
import { toNotes } from "./notes.ts";

const changelog = `# Changelog

## [Unreleased]

### Added

- what comes

## [1.2.3] - 2026-01-01

### Fixed

- what was wrong

## [1.2.2]
`;

test("the notes of a version are its section", () => {
  expect(toNotes(changelog, "1.2.3")).toBe("# Signalman 1.2.3\n\n### Fixed\n\n- what was wrong\n");
});

test("before a version has a section, the notes are what is not released", () => {
  expect(toNotes(changelog, "1.3.0")).toBe("# Signalman 1.3.0\n\n### Added\n\n- what comes\n");
});

test("a changelog without either is refused", () => {
  expect(() => toNotes("# Changelog\n", "1.2.3")).toThrow("neither a section [1.2.3] nor [Unreleased]");
});
