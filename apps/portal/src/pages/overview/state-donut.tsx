import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

export interface Slice {
  readonly key: string;
  readonly label: string;
  readonly count: number;
  /** A class that gives the colour. */
  readonly tone: "good" | "bad" | "warning" | "off" | "paused" | "busy";
  readonly to: string;
  readonly search: Record<string, string>;
}

const RADIUS = 15.915; // circumference 100: lengths are percent

/** How many in which state: a ring, and beside it the same in words, each leading to the list of just those. */
export function StateDonut(props: { title: string; total: number; slices: readonly Slice[] }) {
  const { t } = useTranslation();
  const shown = props.slices.filter((slice) => slice.count > 0);
  const sum = Math.max(
    1,
    shown.reduce((all, slice) => all + slice.count, 0),
  );
  let from = 0;
  return (
    <section className="panel" aria-label={props.title}>
      <h2>{props.title}</h2>
      <div className="donut">
        <svg viewBox="0 0 42 42" aria-hidden="true">
          <circle cx="21" cy="21" r={RADIUS} className="donut-ground" />
          {shown.map((slice) => {
            const length = (slice.count / sum) * 100;
            const offset = 25 - from;
            from += length;
            return (
              <circle
                key={slice.key}
                cx="21"
                cy="21"
                r={RADIUS}
                className={`donut-slice tone-${slice.tone}`}
                strokeDasharray={`${length} ${100 - length}`}
                strokeDashoffset={offset}
              />
            );
          })}
          <text x="21" y="21" className="donut-total">
            {props.total}
          </text>
        </svg>
        <ul className="donut-legend">
          {shown.map((slice) => (
            <li key={slice.key}>
              <span className={`swatch tone-${slice.tone}`} aria-hidden="true" />
              <Link to={slice.to} search={slice.search}>
                {slice.label}
              </Link>
              <span>{slice.count}</span>
            </li>
          ))}
          {shown.length === 0 && <li className="quiet">{t("common.empty")}</li>}
        </ul>
      </div>
    </section>
  );
}
