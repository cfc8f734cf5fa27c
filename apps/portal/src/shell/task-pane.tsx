import { Button } from "antd";
import { DownOutlined, UpOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { tasksQuery } from "../api/queries.ts";
import { TaskRows } from "../pages/task/task-rows.tsx";
import { preferences } from "../ui/preferences.ts";

const SHOWN = 20;

/** What is being done, always in sight: progress, cancel, and the log of each step. */
export function TaskPane() {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(() => preferences.isOpen("tasks"));
  const { data } = useQuery(tasksQuery({ limit: SHOWN }));
  const running = (data?.items ?? []).filter(
    (task) => task.status === "running" || task.status === "waiting",
  );
  const toggle = (): void => {
    preferences.setOpen("tasks", !isOpen);
    setOpen(!isOpen);
  };
  return (
    <section className={`task-pane${isOpen ? " open" : ""}`} aria-label={t("shell.taskPane")}>
      <div className="task-pane-head">
        <Button
          type="text"
          size="small"
          icon={isOpen ? <DownOutlined /> : <UpOutlined />}
          aria-expanded={isOpen}
          title={t(isOpen ? "shell.hideTasks" : "shell.showTasks")}
          onClick={toggle}
        >
          {t("shell.taskPane")}
          {running.length > 0 && ` (${running.length})`}
        </Button>
      </div>
      {isOpen && (
        <div className="task-pane-body">
          {data?.items.length === 0 ? (
            <p className="quiet">{t("shell.noTasks")}</p>
          ) : (
            <TaskRows tasks={data?.items ?? []} />
          )}
        </div>
      )}
    </section>
  );
}
