import { Button, Progress, Typography } from "antd";
import { CaretDownOutlined, CaretRightOutlined, StopOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { WireTask } from "@sinter/northbound";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { taskStepsQuery } from "../../api/queries.ts";
import { pageOf } from "../../api/urns.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { dateTime, duration, timeOfDay } from "../../ui/format.ts";
import { taskName } from "./task-name.ts";
import { StateTag, type Tone } from "../../ui/state-tag.tsx";
import { useAction } from "../../ui/use-action.ts";

const TONES: Record<string, Tone> = {
  waiting: "busy",
  running: "busy",
  cancelling: "busy",
  success: "good",
  failed: "bad",
};
const RESULTS = ["waiting", "running", "success", "failed", "cancelling", "cancelled"] as const;
type Result = (typeof RESULTS)[number];

/** Tasks with progress, cancel, and (opened) the log of each step. */
export function TaskRows({ tasks, isScoped = false }: { tasks: readonly WireTask[]; isScoped?: boolean }) {
  const { t } = useTranslation();
  const cancel = useAction<WireTask>({
    call: (task) => client.tasks.cancel(task),
    kinds: ["tasks"],
    started: () => t("task.cancelAsked"),
  });
  return (
    <table className="tasks">
      <thead>
        <tr>
          <th>
            <span className="unseen">{t("task.steps")}</span>
          </th>
          <th>{t("task.type")}</th>
          {!isScoped && <th>{t("task.object")}</th>}
          <th>{t("common.status")}</th>
          <th>{t("task.user")}</th>
          <th>{t("task.started")}</th>
          <th>{t("task.duration")}</th>
          <th>
            <span className="unseen">{t("common.actions")}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {tasks.map((task) => (
          <TaskRow key={task.urn} task={task} isScoped={isScoped} onCancel={() => void cancel.run(task)} />
        ))}
      </tbody>
    </table>
  );
}

function TaskRow({ task, isScoped, onCancel }: { task: WireTask; isScoped: boolean; onCancel: () => void }) {
  const { t, i18n } = useTranslation();
  const [isOpen, setOpen] = useState(false);
  const started = millis(task.startTime);
  const name = `${taskName(t, task.type)} ${task.entityName}`;
  return (
    <>
      <tr>
        <td>
          <Button
            type="text"
            size="small"
            icon={isOpen ? <CaretDownOutlined /> : <CaretRightOutlined />}
            aria-expanded={isOpen}
            aria-label={`${t("task.steps")}: ${name}`}
            onClick={() => setOpen(!isOpen)}
          />
        </td>
        <td>{taskName(t, task.type)}</td>
        {!isScoped && (
          <td>
            <ObjectLink urn={task.entityUrn} name={task.entityName} />
          </td>
        )}
        <td className="task-state">
          <TaskState task={task} />
        </td>
        <td>{task.user}</td>
        <td>
          <time title={dateTime(started, i18n.language)}>{timeOfDay(started, i18n.language)}</time>
        </td>
        <td>{lengthOf(task)}</td>
        <td>
          {!isEnded(task) && (
            <ActionButton
              size="small"
              type="text"
              icon={<StopOutlined />}
              aria-label={`${t("task.cancel")}: ${name}`}
              reason={task.cancelable ? undefined : t("task.notCancelable")}
              onClick={onCancel}
            />
          )}
        </td>
      </tr>
      {isOpen && (
        <tr>
          <td colSpan={isScoped ? 7 : 8}>
            <TaskSteps task={task} />
          </td>
        </tr>
      )}
    </>
  );
}

function TaskState({ task }: { task: WireTask }) {
  const { t } = useTranslation();
  const key = task.cancelled && isEnded(task) ? "cancelled" : task.status;
  const result = (RESULTS as readonly string[]).includes(key) ? (key as Result) : undefined;
  if (!isEnded(task)) {
    return <Progress percent={task.progress} size="small" status="active" aria-label={t("task.progress")} />;
  }
  const tone = key === "cancelled" ? "off" : (TONES[task.status] ?? "unknown");
  return (
    <StateTag
      tone={tone}
      text={result ? t(`task.result.${result}`) : key}
      title={task.reasonDes || undefined}
    />
  );
}

function TaskSteps({ task }: { task: WireTask }) {
  const { t, i18n } = useTranslation();
  const { data } = useQuery(taskStepsQuery(task.uri));
  return (
    <div className="task-steps">
      {task.reasonDes !== "" && (
        <Typography.Paragraph type="danger">
          {task.reasonDes} ({task.reason})
        </Typography.Paragraph>
      )}
      {data?.length === 0 && <p className="quiet">{t("task.noSteps")}</p>}
      <ol>
        {(data ?? []).map((step) => (
          <li key={step.name}>
            <strong>{step.name}</strong> <span className="quiet">{t(`task.step.${step.state}`)}</span>
            {step.endedAt !== "" && step.startedAt !== "" && (
              <span className="quiet"> {duration(Number(step.endedAt) - Number(step.startedAt))}</span>
            )}
            {step.message !== "" && <div>{step.message}</div>}
            {step.log.map((line) => (
              <div key={`${line.at} ${line.text}`} className="quiet">
                {timeOfDay(millis(line.at), i18n.language)} {line.text}
              </div>
            ))}
          </li>
        ))}
      </ol>
    </div>
  );
}

function ObjectLink({ urn, name }: { urn: string; name: string }) {
  const page = pageOf(urn);
  return page === undefined ? name || urn : <Link to={page}>{name || urn}</Link>;
}

const isEnded = (task: WireTask): boolean => task.status === "success" || task.status === "failed";

function millis(text: string): Date | undefined {
  return text === "" ? undefined : new Date(Number(text));
}

function lengthOf(task: WireTask): string {
  const from = millis(task.startTime);
  if (!from) return "–";
  return duration((millis(task.finishTime) ?? new Date()).getTime() - from.getTime());
}
