import type { SnapshotTree } from "@sinter/northbound";
import type { KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";
import { dateTime, wireTime } from "../../../ui/format.ts";
import { pictureOf, type TreeBox } from "./tree-layout.ts";

const BOX = { width: 176, height: 52 };
const STEP = { x: 216, y: 68 };
const EDGE = 8;
/** Of a name in a box, at the font's usual width. */
const NAME_LENGTH_MAX = 22;

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
  const place = `translate(${left(box)},${top(box)})`;
  const shape = <rect width={BOX.width} height={BOX.height} rx={8} />;
  if (!node) {
    return (
      <g className="snapshot-box present" transform={place}>
        {shape}
        <text x={BOX.width / 2} y={BOX.height / 2 + 5} textAnchor="middle">
          {t("snapshot.present")}
        </text>
      </g>
    );
  }
  const taken = dateTime(wireTime(node.createTime), i18n.language);
  const state = node.status === "ready" ? "" : t(`snapshot.status.${node.status}`);
  const memory = node.includingMemorySnapshot ? t("snapshot.withMemory") : "";
  const label = [node.name, taken, memory, state].filter((part) => part !== "").join(", ");
  const press = (event: KeyboardEvent): void => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    onChoose();
  };
  const name = node.name.length > NAME_LENGTH_MAX ? `${node.name.slice(0, NAME_LENGTH_MAX - 1)}…` : node.name;
  return (
    <g
      className={`snapshot-box${isChosen ? " chosen" : ""}${state === "" ? "" : " busy"}`}
      transform={place}
      role="button"
      tabIndex={0}
      aria-pressed={isChosen}
      aria-label={label}
      onClick={onChoose}
      onKeyDown={press}
    >
      <title>{label}</title>
      {shape}
      <text x={12} y={22} className="snapshot-name">
        {name}
      </text>
      <text x={12} y={41} className="snapshot-when">
        {state === "" ? taken : state}
      </text>
      {memory !== "" && <circle cx={BOX.width - 14} cy={16} r={4} className="snapshot-memory" />}
    </g>
  );
}
