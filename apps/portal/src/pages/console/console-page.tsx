import { Result, Spin } from "antd";
import { ApiError } from "@sinter/client/portable";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams, useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { followChanges } from "../../api/changes.ts";
import { vmQuery } from "../../api/queries.ts";
import { useMay, useSession } from "../../api/session-store.ts";
import { urnOf } from "../../api/urns.ts";
import { Failure } from "../../ui/failure.tsx";
import "./console.css";

/* Each kind brings a library of its own. */
const ScreenConsole = lazy(() => import("./screen-console.tsx"));
const SerialConsole = lazy(() => import("./serial-console.tsx"));

/** A VM's screen or serial line in a window of its own (`?kind=vnc|serial`). */
export function ConsolePage() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const { vmId } = useParams({ strict: false });
  const search = useSearch({ strict: false });
  const urn = urnOf(useSession().siteUrn, "vms", vmId ?? "");
  const { data: vm, error, refetch } = useQuery(vmQuery(urn));
  const mayOperate = useMay("operate");
  // The shell does this on other pages.
  useEffect(() => followChanges(queries), [queries]);
  const isSerial = search["kind"] === "serial";
  const name = vm?.name;
  useEffect(() => {
    if (name !== undefined) document.title = isSerial ? `${name} – ${t("vm.serial")}` : name;
  }, [name, isSerial, t]);
  if (!mayOperate) return <Result status="403" title={t("common.needsOperate")} />;
  if (error instanceof ApiError && error.kind === "notFound")
    return <Result status="404" title={t("common.notFound")} />;
  if (!vm)
    return (
      <main className="console-wait">
        {error ? <Failure error={error} onRetry={() => void refetch()} /> : <Spin />}
      </main>
    );
  return (
    <Suspense fallback={<Spin fullscreen />}>
      {isSerial ? <SerialConsole vm={vm} /> : <ScreenConsole vm={vm} />}
    </Suspense>
  );
}
