/** One figure of a program, measured alternately with the same figure of another program. */
export interface Measure {
  readonly name: string;
  readonly unit: "ms" | "MB" | "%" | "jobs/s" | "MB/s";
  /** Default: a lower figure is better. */
  readonly isHigherBetter?: boolean;
  readonly rounds: number;
  /** Returns the figure for a compiled program. */
  measure(program: string): Promise<number>;
}

/** Several figures of one run, measured for both programs. */
export interface MeasureGroup {
  readonly rounds: number;
  readonly figures: readonly Pick<Measure, "name" | "unit" | "isHigherBetter">[];
  /** Returns the figures in their order. */
  measure(program: string): Promise<readonly number[]>;
}

export function toGroup({ rounds, measure, ...figure }: Measure): MeasureGroup {
  return { rounds, figures: [figure], measure: async (program) => [await measure(program)] };
}
