import type { VolumeFile } from "@sinter/southbound";

/**
 * The files of one volume as the manager knows them: a tree with the base at its root. The VM writes to `active`, on
 * which nothing lies; a file that a snapshot keeps never changes again; any other one is there only for what lies
 * upon it, and is folded away as soon as that is a single file.
 */
export interface VolumeChain {
  readonly active: VolumeFile;
  readonly overlays: readonly { readonly file: VolumeFile; readonly backing: VolumeFile }[];
  /** Files that snapshots keep. */
  readonly kept: ReadonlySet<VolumeFile>;
}

/** One thing to do so that a chain has no file too many. */
export type Fold =
  | { readonly kind: "remove"; readonly file: VolumeFile }
  /** `file` is written into `into`, and what lies upon it then lies upon `into`. */
  | {
      readonly kind: "merge";
      readonly file: VolumeFile;
      readonly into: VolumeFile;
      readonly children: readonly VolumeFile[];
    };

/** The next thing to do, undefined when there is none; done one after the other they come to an end. */
export function nextFold(chain: VolumeChain): Fold | undefined {
  const above = (file: VolumeFile): VolumeFile[] =>
    chain.overlays.filter(({ backing }) => backing === file).map((overlay) => overlay.file);
  const isNeeded = (file: VolumeFile): boolean => file === chain.active || chain.kept.has(file);
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
  const moved = (file: VolumeFile): VolumeFile => (file === fold.file ? fold.into : file);
  return {
    active: moved(chain.active),
    overlays: overlays.map(({ file, backing }) => ({ file, backing: moved(backing) })),
    kept: new Set([...chain.kept].map(moved)),
  };
}
