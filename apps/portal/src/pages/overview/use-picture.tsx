import { Tooltip } from "antd";
import { InfoCircleOutlined } from "@ant-design/icons";
import { useTranslation } from "react-i18next";
import { percent } from "../../ui/format.ts";
import type { Use } from "./capacity.ts";

/**
 * What is in use and what was promised, on one scale, with a line where the hardware ends. More promised than there is
 * shows as a bar that goes on beyond the line.
 */
export function UsePicture(props: {
  readonly title: string;
  readonly meaning: string;
  readonly use: Use;
  readonly write: (value: number) => string;
  /** When what is promised is of another kind. */
  readonly writePromised?: (value: number) => string;
}) {
  const { t } = useTranslation();
  const { use, write } = props;
  const scale = Math.max(use.physical, use.promised, 1);
  const share = (value: number): number => (use.physical === 0 ? 0 : value / use.physical);
  const width = (value: number): string => `${Math.min(100, (value / scale) * 100)}%`;
  const used = use.used;
  return (
    <section className="panel use" aria-label={props.title}>
      <h2>
        {props.title}{" "}
        <Tooltip title={props.meaning}>
          <InfoCircleOutlined tabIndex={0} role="img" aria-label={props.meaning} className="quiet" />
        </Tooltip>
      </h2>
      <p className="use-figure">
        {used === undefined ? "–" : percent(share(used))}
        <span className="quiet"> {t("overview.inUse")}</span>
      </p>
      <div className="use-bars" aria-hidden="true">
        <div className="use-track">
          <div className={`use-bar ${toneOf(share(used ?? 0))}`} style={{ width: width(used ?? 0) }} />
        </div>
        <div className="use-track">
          <div className="use-bar promised" style={{ width: width(use.promised) }} />
        </div>
        <div className="use-end" style={{ left: width(use.physical) }} />
      </div>
      <ul className="use-legend">
        <li>
          <span className={`swatch ${toneOf(share(used ?? 0))}`} aria-hidden="true" />
          {t("overview.used", { used: used === undefined ? "–" : write(used) })}
        </li>
        <li>
          <span className="swatch promised" aria-hidden="true" />
          {t("overview.promised", { promised: (props.writePromised ?? write)(use.promised) })}
        </li>
        <li>
          <span className="swatch end" aria-hidden="true" />
          {t("overview.physical", { physical: write(use.physical) })}
        </li>
      </ul>
      <p className={share(use.promised) > 1 ? "use-over" : "quiet"}>
        {t(share(use.promised) > 1 ? "overview.overcommitted" : "overview.notOvercommitted", {
          ratio: share(use.promised).toFixed(2),
        })}
      </p>
    </section>
  );
}

function toneOf(share: number): string {
  if (share > 0.9) return "bad";
  return share > 0.75 ? "warning" : "good";
}
