import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { tasksQuery } from "../api/queries.ts";
import { TaskRows } from "../pages/task/task-rows.tsx";
import { Failure } from "./failure.tsx";

/** What was done with one object, newest first. */
export function TasksTab({ urn }: { urn: string }) {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(tasksQuery({ scope: urn, limit: 50 }));
  if (error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (data?.items.length === 0) return <p className="quiet">{t("object.noTasks")}</p>;
  // The site is everything: then it matters what was worked on.
  const isSite = urn.split(":").length === 3;
  const older = data ? data.total - data.items.length : 0;
  return (
    <>
      <TaskRows tasks={data?.items ?? []} isScoped={!isSite} />
      {older > 0 && <p className="quiet">{t("object.olderTasks", { count: older })}</p>}
    </>
  );
}
