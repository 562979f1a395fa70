// What the program contains, for scanners, which see nothing in a compiled file.

import { Contrib, Enums, Models, Serialize, Spec } from "@cyclonedx/cyclonedx-library";
import parseExpression from "spdx-expression-parse";
import type { ProgramContent } from "../build.ts";

export interface Release {
  readonly version: string;
  readonly commit: string;
  /** Seconds since 1970. */
  readonly time: number;
}

/** Returns a CycloneDX document (JSON). Its identity follows from its content. */
export function toBillOfMaterials(
  { version, commit, time }: Release,
  { packages }: Pick<ProgramContent, "packages">,
): string {
  const licenseFactory = new Contrib.License.Factories.LicenseFactory(parseExpression);
  const program = new Models.Component(Enums.ComponentType.Application, "signalman", {
    version,
    bomRef: "signalman",
    licenses: new Models.LicenseRepository([licenseFactory.makeFromString("Apache-2.0")]),
  });
  const components = packages.map(({ name, version: packageVersion, license }) => {
    const scoped = /^(?:(@[^/]+)\/)?(.+)$/.exec(name)!;
    const purl = `pkg:npm/${name.replace("@", "%40")}@${packageVersion}`;
    return new Models.Component(Enums.ComponentType.Library, scoped[2]!, {
      ...(scoped[1] !== undefined && { group: scoped[1] }),
      version: packageVersion,
      bomRef: purl,
      purl,
      licenses: new Models.LicenseRepository([licenseFactory.makeFromString(license)]),
    });
  });
  for (const component of components) program.dependencies.add(component.bomRef);
  const bom = new Models.Bom({
    metadata: new Models.Metadata({
      component: program,
      timestamp: new Date(time * 1000),
      properties: new Models.PropertyRepository([new Models.Property("commit", commit)]),
    }),
    components: new Models.ComponentRepository(components),
  });
  const factory = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6);
  return new Serialize.JsonSerializer(factory).serialize(bom, { sortLists: true, space: 2 });
}
