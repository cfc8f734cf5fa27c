import { Checkbox, Skeleton } from "antd";
import { CaretDownOutlined, CaretUpOutlined } from "@ant-design/icons";
import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import type { Page } from "@sinter/client/portable";
import { type KeyboardEvent, type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Failure } from "./failure.tsx";

export interface Column<T> {
  readonly key: string;
  readonly title: string;
  /** A CSS grid track, e.g. `minmax(160px, 2fr)`. */
  readonly width: string;
  readonly render: (row: T) => ReactNode;
  /** The manager can order by it. */
  readonly isSortable?: boolean;
}

export interface Order {
  readonly field: string;
  readonly isDescending: boolean;
}

export interface ObjectTableProps<T> {
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly rowKey: (row: T) => string;
  /** Begins with the kind (see api/changes.ts) and holds everything that the rows depend on. */
  readonly queryKey: readonly unknown[];
  readonly readPage: (page: { offset: number; limit: number }) => Promise<Page<T>>;
  readonly order?: Order | undefined;
  readonly onOrder?: (order: Order) => void;
  readonly selected?: ReadonlyMap<string, T>;
  readonly onSelect?: (selected: ReadonlyMap<string, T>) => void;
  readonly onOpen?: (row: T) => void;
  readonly empty: ReactNode;
}

const PAGE = 100;
const ROW_PX = 38;
const OVERSCAN = 6;
const SELECT_PX = 40;

/**
 * A table of any number of rows: the manager gives pages of 100, only the rows that can be seen exist, and scrolling
 * reads the pages that come into view. Arrow keys, Page Up and Down, Home and End move, Space selects, Enter opens.
 */
export function ObjectTable<T>(props: ObjectTableProps<T>) {
  const { t } = useTranslation();
  const { columns, rowKey, selected, onSelect, onOpen } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const [active, setActive] = useState(0);

  const first = useQuery({
    queryKey: [...props.queryKey, { offset: 0 }],
    queryFn: () => props.readPage({ offset: 0, limit: PAGE }),
    placeholderData: keepPreviousData,
  });
  const total = first.data?.total ?? 0;
  const from = Math.max(0, Math.floor(view.top / ROW_PX) - OVERSCAN);
  const to = Math.min(total, Math.ceil((view.top + view.height) / ROW_PX) + OVERSCAN);
  const pages = useMemo(() => {
    const wanted: number[] = [];
    for (let page = Math.floor(from / PAGE); page * PAGE < to; page++) if (page > 0) wanted.push(page);
    return wanted;
  }, [from, to]);
  const others = useQueries({
    queries: pages.map((page) => ({
      queryKey: [...props.queryKey, { offset: page * PAGE }],
      queryFn: () => props.readPage({ offset: page * PAGE, limit: PAGE }),
    })),
  });
  const rowAt = (index: number): T | undefined => {
    const page = Math.floor(index / PAGE);
    const data = page === 0 ? first.data : others[pages.indexOf(page)]?.data;
    return data?.items[index - page * PAGE];
  };

  useEffect(() => {
    const box = scroller.current;
    if (!box) return;
    const look = (): void => setView({ top: box.scrollTop, height: box.clientHeight });
    look();
    const watcher = new ResizeObserver(look);
    watcher.observe(box);
    return () => watcher.disconnect();
  }, []);

  const key = JSON.stringify(props.queryKey);
  useEffect(() => {
    scroller.current?.scrollTo({ top: 0 });
    setActive(0);
  }, [key]);

  const toggle = useCallback(
    (row: T) => {
      if (!onSelect) return;
      const next = new Map(selected);
      const id = rowKey(row);
      if (!next.delete(id)) next.set(id, row);
      onSelect(next);
    },
    [onSelect, selected, rowKey],
  );

  const moveTo = (index: number): void => {
    const next = Math.max(0, Math.min(total - 1, index));
    setActive(next);
    const box = scroller.current;
    if (!box) return;
    const top = next * ROW_PX;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + ROW_PX > box.scrollTop + box.clientHeight) box.scrollTop = top + ROW_PX - box.clientHeight;
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor(view.height / ROW_PX) - 1);
    const steps: Record<string, number> = {
      ArrowDown: active + 1,
      ArrowUp: active - 1,
      PageDown: active + page,
      PageUp: active - page,
      Home: 0,
      End: total - 1,
    };
    const target = steps[event.key];
    const row = rowAt(active);
    if (target !== undefined) moveTo(target);
    else if (event.key === "Enter" && row && event.target === scroller.current) onOpen?.(row);
    else if (event.key === " " && row && event.target === scroller.current) toggle(row);
    else return;
    event.preventDefault();
  };

  const minWidth = widthOf(columns) + (onSelect ? SELECT_PX : 0);
  const template = `${onSelect ? `${SELECT_PX}px ` : ""}${columns.map((column) => column.width).join(" ")}`;
  const rows = [];
  for (let index = from; index < to; index++) {
    const row = rowAt(index);
    const isSelected = row !== undefined && selected?.has(rowKey(row)) === true;
    rows.push(
      <div
        key={index}
        id={`row-${index}`}
        role="row"
        aria-rowindex={index + 2}
        aria-selected={onSelect ? isSelected : undefined}
        className={`table-row${index === active ? " active" : ""}${isSelected ? " selected" : ""}`}
        style={{ top: index * ROW_PX, height: ROW_PX, gridTemplateColumns: template }}
        onClick={() => setActive(index)}
        onDoubleClick={() => row && onOpen?.(row)}
      >
        {onSelect && (
          <div role="gridcell">
            {row && (
              <Checkbox
                checked={isSelected}
                tabIndex={-1}
                aria-label={t("common.selected", { count: 1 })}
                onChange={() => toggle(row)}
              />
            )}
          </div>
        )}
        {columns.map((column) => (
          <div role="gridcell" key={column.key} className="table-cell">
            {row ? column.render(row) : <Skeleton.Node active className="table-skeleton" />}
          </div>
        ))}
      </div>,
    );
  }

  return (
    <div className="table">
      {first.error && <Failure error={first.error} onRetry={() => void first.refetch()} />}
      <div
        className="table-scroller"
        ref={scroller}
        role="grid"
        tabIndex={0}
        aria-label={props.label}
        aria-rowcount={total + 1}
        aria-busy={first.isLoading}
        aria-activedescendant={total > 0 && active >= from && active < to ? `row-${active}` : undefined}
        aria-multiselectable={onSelect ? true : undefined}
        onKeyDown={onKeyDown}
        onScroll={(event) =>
          setView({ top: event.currentTarget.scrollTop, height: event.currentTarget.clientHeight })
        }
      >
        <div
          role="row"
          aria-rowindex={1}
          className="table-head"
          style={{ gridTemplateColumns: template, minWidth }}
        >
          {onSelect && (
            <div role="columnheader">
              <span className="unseen">{t("common.selected", { count: selected?.size ?? 0 })}</span>
            </div>
          )}
          {columns.map((column) => (
            <ColumnHead key={column.key} column={column} order={props.order} onOrder={props.onOrder} />
          ))}
        </div>
        <div role="rowgroup" className="table-body" style={{ height: total * ROW_PX, minWidth }}>
          {rows}
        </div>
        {first.isSuccess && total === 0 && <div className="table-empty">{props.empty}</div>}
      </div>
      <div className="table-foot" aria-live="polite">
        {first.isSuccess && t("common.total", { count: total })}
        {selected && selected.size > 0 && ` · ${t("common.selected", { count: selected.size })}`}
      </div>
    </div>
  );
}

/** What the columns need at least: the first pixels that each track names. Head and rows scroll sideways together. */
function widthOf(columns: readonly { readonly width: string }[]): number {
  return columns.reduce((sum, { width }) => sum + Number(/(\d+)px/.exec(width)?.[1] ?? 0), 0);
}

function ColumnHead<T>(props: {
  column: Column<T>;
  order: Order | undefined;
  onOrder: ((order: Order) => void) | undefined;
}) {
  const { column, order, onOrder } = props;
  const isOrdered = order?.field === column.key;
  const sort = isOrdered ? (order.isDescending ? "descending" : "ascending") : "none";
  if (!column.isSortable || !onOrder) {
    return (
      <div role="columnheader" className="table-cell">
        {column.title}
      </div>
    );
  }
  return (
    <div role="columnheader" aria-sort={sort} className="table-cell">
      <button
        type="button"
        className="table-sort"
        onClick={() => onOrder({ field: column.key, isDescending: isOrdered && !order.isDescending })}
      >
        {column.title} {isOrdered && (order.isDescending ? <CaretDownOutlined /> : <CaretUpOutlined />)}
      </button>
    </div>
  );
}
