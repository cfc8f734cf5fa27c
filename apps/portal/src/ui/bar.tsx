import { Progress } from "antd";
import type { ReactNode } from "react";

/** How much of something is used: a picture first, the figures beside it. */
export function UsageBar(props: {
  readonly label: string;
  readonly share: number;
  readonly text: string;
  /** Shown in place of the label. */
  readonly link?: ReactNode;
}) {
  const share = Number.isFinite(props.share) ? Math.max(0, props.share) : 0;
  const color = share > 0.9 ? "#cf1322" : share > 0.75 ? "#d46b08" : "#1677ff";
  return (
    <div className="usage">
      <div className="usage-text">
        <span>{props.link ?? props.label}</span>
        <span>{props.text}</span>
      </div>
      <Progress
        percent={Math.min(100, Math.round(share * 100))}
        showInfo={false}
        strokeColor={color}
        aria-label={`${props.label}: ${props.text}`}
      />
    </div>
  );
}
