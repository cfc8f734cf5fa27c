import { Skeleton } from "antd";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useLooks } from "../shell/looks.tsx";

type Canvas = ReturnType<typeof import("./echarts.ts")["init"]>;

export interface ChartLine {
  readonly name: string;
  /** Epoch milliseconds, and the figure; null where none was measured. */
  readonly points: readonly (readonly [atMs: number, value: number | null])[];
}

export interface ChartProps {
  /** What the picture shows, in a sentence with its figures, for those who cannot see it. */
  readonly label: string;
  readonly lines: readonly ChartLine[];
  /** How figures are written, e.g. `(v) => "12 %"`. */
  readonly write: (value: number) => string;
  /** The axis goes up to this; absent: to the highest figure. */
  readonly max?: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Two that can be told apart by those who see few colours, on either ground. */
const COLORS = { light: ["#1254c4", "#ad4e00"], dark: ["#6ea2ff", "#ffb366"] } as const;

/** Figures over time. The library is loaded when the first chart is shown. */
export function Chart(props: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const [canvas, setCanvas] = useState<Canvas>();
  const { isDark } = useLooks();
  const { i18n } = useTranslation();
  const locale = i18n.language === "zh" ? "ZH" : "EN";
  useEffect(() => {
    let made: Canvas | undefined;
    let isWanted = true;
    const watcher = new ResizeObserver(() => made?.resize());
    const load = async (): Promise<void> => {
      const { init } = await import("./echarts.ts");
      if (!isWanted || !box.current) return;
      made = init(box.current, null, { locale });
      watcher.observe(box.current);
      setCanvas(made);
    };
    void load();
    return () => {
      isWanted = false;
      watcher.disconnect();
      made?.dispose();
      setCanvas(undefined);
    };
  }, [locale]);
  useEffect(() => {
    canvas?.setOption(optionOf(props, isDark), { notMerge: true });
  }, [canvas, props, isDark]);
  return (
    <div className="chart">
      {!canvas && <Skeleton.Node active className="chart-wait" />}
      <div ref={box} className="chart-canvas" role="img" aria-label={props.label} />
    </div>
  );
}

function optionOf(props: ChartProps, isDark: boolean) {
  const style = getComputedStyle(document.documentElement);
  const [line, quiet, panel, text] = ["--line", "--quiet", "--panel", "--text"].map((name) =>
    style.getPropertyValue(name).trim(),
  ) as [string, string, string, string];
  const colors = COLORS[isDark ? "dark" : "light"];
  return {
    animation: false,
    color: [...colors],
    grid: { left: 8, right: 12, top: 12, bottom: 4, containLabel: true },
    tooltip: {
      trigger: "axis" as const,
      // Drawn on the canvas: a tooltip of HTML needs inline styles, which the page's policy refuses.
      renderMode: "richText" as const,
      backgroundColor: panel,
      borderColor: line,
      textStyle: { color: text },
      valueFormatter: (value: unknown) => (typeof value === "number" ? props.write(value) : "–"),
    },
    xAxis: {
      type: "time" as const,
      min: props.fromMs,
      max: props.toMs,
      axisLabel: { color: quiet, hideOverlap: true },
      axisLine: { lineStyle: { color: line } },
    },
    yAxis: {
      type: "value" as const,
      min: 0,
      ...(props.max === undefined ? {} : { max: props.max, interval: props.max / 4 }),
      splitNumber: 4,
      axisLabel: { color: quiet, formatter: props.write },
      splitLine: { lineStyle: { color: line } },
    },
    series: props.lines.map((one, index) => ({
      type: "line" as const,
      name: one.name,
      showSymbol: false,
      lineStyle: { width: 2, type: index === 0 ? ("solid" as const) : ("dashed" as const) },
      areaStyle: { opacity: index === 0 ? 0.12 : 0 },
      data: one.points.map(([at, value]) => [at, value]),
    })),
  };
}
