import { Pagination } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { tasksQuery } from "../../api/queries.ts";
import { Failure } from "../../ui/failure.tsx";
import { TaskRows } from "./task-rows.tsx";

const PAGE = 50;

/** All tasks, newest first. */
export function TaskPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const search = useSearch({ strict: false });
  const page = Math.max(1, Number(search["page"] ?? 1) || 1);
  const { data, error, refetch } = useQuery(tasksQuery({ limit: PAGE, offset: (page - 1) * PAGE }));
  return (
    <>
      <div className="page-head">
        <h1>{t("shell.tasks")}</h1>
      </div>
      <Failure error={error} onRetry={() => void refetch()} />
      <TaskRows tasks={data?.items ?? []} />
      <Pagination
        align="end"
        current={page}
        pageSize={PAGE}
        total={data?.total ?? 0}
        showSizeChanger={false}
        onChange={(next) => void navigate({ to: ".", search: { page: next } })}
      />
    </>
  );
}
