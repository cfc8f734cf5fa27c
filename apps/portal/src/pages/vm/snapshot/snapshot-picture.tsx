import type { SnapshotTree } from "@sinter/northbound";
import { useTranslation } from "react-i18next";
import { dateTime, wireTime } from "../../../ui/format.ts";
import { pictureOf, type TreeBox } from "./tree-layout.ts";

const BOX = { width: 232, height: 56 };
const STEP = { x: 272, y: 72 };
const EDGE = 8;

/** The tree of snapshots, time from left to right; a snapshot can be chosen by mouse and keyboard. */
export function SnapshotPicture(props: {
  readonly tree: SnapshotTree;
  readonly chosen: string | undefined;
  readonly onChoose: (urn: string) => void;
}) {
  const { t } = useTranslation();
  const { boxes, columns, rows } = pictureOf(props.tree);
  const width = (columns - 1) * STEP.x + BOX.width + 2 * EDGE;
  const height = (rows - 1) * STEP.y + BOX.height + 2 * EDGE;
  return (
    <div className="snapshot-picture">
      <svg width={width} height={height} role="group" aria-label={t("snapshot.tree")}>
        {boxes.map((box) => (
          <Line key={box.key} box={box} />
        ))}
        {boxes.map((box) => (
          <Box
            key={box.key}
            box={box}
            isChosen={box.key === props.chosen}
            onChoose={() => props.onChoose(box.key)}
          />
        ))}
      </svg>
    </div>
  );
}

const left = (box: TreeBox): number => EDGE + box.column * STEP.x;
const top = (box: TreeBox): number => EDGE + box.row * STEP.y;

function Line({ box }: { box: TreeBox }) {
  if (!box.parent) return null;
  const [x1, y1] = [left(box.parent) + BOX.width, top(box.parent) + BOX.height / 2];
  const [x2, y2] = [left(box), top(box) + BOX.height / 2];
  const middle = (x1 + x2) / 2;
  return <path className="snapshot-line" d={`M${x1},${y1} C${middle},${y1} ${middle},${y2} ${x2},${y2}`} />;
}

function Box({ box, isChosen, onChoose }: { box: TreeBox; isChosen: boolean; onChoose: () => void }) {
  const { t, i18n } = useTranslation();
  const { node } = box;
  const place = { x: left(box), y: top(box), ...BOX };
  if (!node) {
    return (
      <foreignObject {...place}>
        <div className="snapshot-box present">{t("snapshot.present")}</div>
      </foreignObject>
    );
  }
  const isBusy = node.status !== "ready";
  const taken = dateTime(wireTime(node.createTime), i18n.language);
  return (
    <foreignObject {...place}>
      <button
        type="button"
        className={`snapshot-box${isChosen ? " chosen" : ""}${isBusy ? " busy" : ""}`}
        aria-pressed={isChosen}
        title={node.name}
        onClick={onChoose}
      >
        <span className="snapshot-name">{node.name}</span>
        <span className="snapshot-when">
          {isBusy ? t(`snapshot.status.${node.status}`) : taken}
          {node.includingMemorySnapshot && ` · ${t("snapshot.withMemory")}`}
        </span>
      </button>
    </foreignObject>
  );
}
