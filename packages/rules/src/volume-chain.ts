/**
 * The files of one volume, by their names on the wire between manager and agent (`base`, `delta-…`): a tree with the base at its root. The VM writes to `active`, on
 * which nothing lies; a file that a snapshot keeps never changes again; any other one is there only for what lies
 * upon it, and is folded away as soon as that is a single file.
 */
export interface VolumeChain {
  readonly active: string;
  readonly overlays: readonly { readonly file: string; readonly backing: string }[];
  /** Files that snapshots keep. */
  readonly kept: ReadonlySet<string>;
}

/** One thing to do so that a chain has no file too many. */
export type Fold =
  | { readonly kind: "remove"; readonly file: string }
  /** `file` is written into `into`, and what lies upon it then lies upon `into`. */
  | {
      readonly kind: "merge";
      readonly file: string;
      readonly into: string;
      readonly children: readonly string[];
    };

/** The next thing to do, undefined when there is none; done one after the other they come to an end. */
export function nextFold(chain: VolumeChain): Fold | undefined {
  const above = (file: string): string[] =>
    chain.overlays.filter(({ backing }) => backing === file).map((overlay) => overlay.file);
  const isNeeded = (file: string): boolean => file === chain.active || chain.kept.has(file);
  const unneeded = ["base", ...chain.overlays.map(({ file }) => file)].filter((file) => !isNeeded(file));
  const leaf = unneeded.find((file) => file !== "base" && above(file).length === 0);
  if (leaf !== undefined) return { kind: "remove", file: leaf };
  for (const into of unneeded) {
    const [file, ...others] = above(into);
    if (file !== undefined && others.length === 0)
      return { kind: "merge", file, into, children: above(file) };
  }
  return undefined;
}

/** The chain once the fold was done. */
export function folded(chain: VolumeChain, fold: Fold): VolumeChain {
  const overlays = chain.overlays.filter(({ file }) => file !== fold.file);
  if (fold.kind === "remove") return { ...chain, overlays };
  const moved = (file: string): string => (file === fold.file ? fold.into : file);
  return {
    active: moved(chain.active),
    overlays: overlays.map(({ file, backing }) => ({ file, backing: moved(backing) })),
    kept: new Set([...chain.kept].map(moved)),
  };
}
