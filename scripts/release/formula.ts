import { sha256 } from "./checksums.ts";

/** Returns a Homebrew formula that installs the archives of a release. */
export async function toFormula(
  { version, baseUrl }: { readonly version: string; readonly baseUrl: string },
  archiveOf: (name: string) => string,
): Promise<string> {
  const place = async (archive: string) => [
    `      url "${baseUrl}/${version}/${archive}.tar.gz"`,
    `      sha256 "${await sha256(archiveOf(archive))}"`,
  ];
  const system = async (block: string, name: string) => [
    `  ${block} do`,
    "    on_arm do",
    ...(await place(`agent_${name}_arm64`)),
    "    end",
    "    on_intel do",
    ...(await place(`agent_${name}_x86_64`)),
    "    end",
    "  end",
  ];
  const lines = [
    "class Signalman < Formula",
    '  desc "CI job agent for Semaphore"',
    `  homepage "${baseUrl}"`,
    `  version "${version}"`,
    '  license "Apache-2.0"',
    "",
    ...(await system("on_macos", "Darwin")),
    ...(await system("on_linux", "Linux")),
    "",
    "  def install",
    '    bin.install "agent" => "signalman"',
    '    bash_completion.install "completions/signalman.bash" => "signalman"',
    '    zsh_completion.install "completions/_signalman"',
    '    fish_completion.install "completions/signalman.fish"',
    '    man1.install Dir["man/*.1"]',
    '    man5.install Dir["man/*.5"]',
    "  end",
    "",
    "  test do",
    '    assert_equal version.to_s, shell_output("#{bin}/signalman version").strip',
    "  end",
    "end",
  ];
  return `${lines.join("\n")}\n`;
}
