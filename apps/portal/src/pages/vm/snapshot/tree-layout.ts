import type { SnapshotTree, WireSnapshotNode } from "@sinter/northbound";

/** A box of the picture. `node` undefined: the VM's present. */
export interface TreeBox {
  readonly key: string;
  readonly node: WireSnapshotNode | undefined;
  /** From the left, how many snapshots lie before it; from above, in rows. */
  readonly column: number;
  readonly row: number;
  readonly parent: TreeBox | undefined;
}

export interface TreePicture {
  readonly boxes: readonly TreeBox[];
  readonly columns: number;
  readonly rows: number;
}

/** The VM's present as a box of its own, upon the snapshot that it comes from. */
export const PRESENT = "present";

/**
 * Time runs to the right; each branch has a row of its own, and a snapshot stands in the row of its first child. The
 * present comes first among the children of its snapshot, so that the way there is a straight line.
 */
export function pictureOf(tree: SnapshotTree): TreePicture {
  const boxes: TreeBox[] = [];
  let rows = 0;
  let columns = 0;
  const place = (node: WireSnapshotNode | undefined, column: number, parent: TreeBox | undefined): void => {
    columns = Math.max(columns, column + 1);
    const box: TreeBox = { key: node?.urn ?? PRESENT, node, column, row: rows, parent };
    boxes.push(box);
    if (!node) {
      rows++;
      return;
    }
    const isCurrent = node.urn === tree.currentSnapshot.urn;
    if (isCurrent) place(undefined, column + 1, box);
    for (const child of inOrder(node.childSnapshots, tree)) place(child, column + 1, box);
    if (!isCurrent && node.childSnapshots.length === 0) rows++;
  };
  for (const root of inOrder(tree.rootSnapshots, tree)) place(root, 0, undefined);
  // Its last snapshot was deleted, or it never had one.
  if (!boxes.some(({ node }) => node === undefined) && boxes.length > 0) place(undefined, 0, undefined);
  return { boxes, columns, rows };
}

/** The one that leads to the present first, the others as they were taken. */
function inOrder(nodes: readonly WireSnapshotNode[], tree: SnapshotTree): WireSnapshotNode[] {
  const leads = (node: WireSnapshotNode): boolean =>
    node.urn === tree.currentSnapshot.urn || node.childSnapshots.some(leads);
  return nodes.toSorted((a, b) => Number(leads(b)) - Number(leads(a)));
}
