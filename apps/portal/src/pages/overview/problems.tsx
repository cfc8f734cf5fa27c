import { Skeleton } from "antd";
import { CheckCircleFilled } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { datastoresQuery, tasksQuery } from "../../api/queries.ts";
import { timeOfDay } from "../../ui/format.ts";
import { ObjectLink } from "../../ui/object-link.tsx";
import { StateTag } from "../../ui/state-tag.tsx";
import { hostCountsQuery, vmCountsQuery } from "./states.tsx";

const DAY_MS = 86_400_000;
const SHOWN = 5;

interface Problem {
  readonly key: string;
  readonly tone: "bad" | "warning";
  readonly kind: string;
  readonly text: ReactNode;
  readonly reason?: string;
}

/** What an administrator should look at: found by asking, since alarms are not part of this version. */
export function Problems() {
  const { t } = useTranslation();
  const problems = useProblems();
  return (
    <section className="panel" aria-label={t("overview.problems")}>
      <h2>{t("overview.problems")}</h2>
      {problems === undefined && <Skeleton active title={false} paragraph={{ rows: 3 }} />}
      {problems?.length === 0 && (
        <p>
          <CheckCircleFilled className="tone-good-text" /> {t("overview.noProblems")}
        </p>
      )}
      <ul className="problems">
        {problems?.map((problem) => (
          <li key={problem.key}>
            <StateTag tone={problem.tone} text={problem.kind} /> {problem.text}
            {problem.reason && <div className="quiet">{problem.reason}</div>}
          </li>
        ))}
      </ul>
      <p>
        <Link to="/tasks">{t("overview.allTasks")}</Link>
      </p>
    </section>
  );
}

/** Undefined until all has been asked. */
function useProblems(): Problem[] | undefined {
  const { t, i18n } = useTranslation();
  const hostCounts = useQuery(hostCountsQuery);
  const vmCounts = useQuery(vmCountsQuery);
  const datastores = useQuery(datastoresQuery());
  const failed = useQuery(tasksQuery({ status: "failed", limit: 20 }));
  const faulty = useQuery({
    queryKey: ["overview", "faulty-hosts"],
    queryFn: () => client.hosts.list({ status: "fault", limit: SHOWN }),
    enabled: (hostCounts.data?.fault ?? 0) > 0,
  });
  if (!hostCounts.data || !vmCounts.data || !datastores.data || !failed.data) return undefined;

  const problems: Problem[] = [];
  if (hostCounts.data.fault > 0) {
    for (const host of faulty.data?.items ?? []) {
      problems.push({
        key: host.urn,
        tone: "bad",
        kind: t("overview.kinds.host"),
        text: <ObjectLink urn={host.urn} name={host.name} />,
        reason: host.statusReason,
      });
    }
    const rest = hostCounts.data.fault - (faulty.data?.items.length ?? 0);
    if (faulty.data && rest > 0) {
      problems.push({
        key: "hosts",
        tone: "bad",
        kind: t("overview.kinds.host"),
        text: (
          <Link to="/hosts" search={{ status: "fault" }}>
            {t("overview.moreHosts", { count: rest })}
          </Link>
        ),
      });
    }
  }
  if (vmCounts.data.fault > 0) {
    problems.push({
      key: "vms",
      tone: "bad",
      kind: t("overview.kinds.vm"),
      text: (
        <Link to="/vms" search={{ status: "unknown" }}>
          {t("overview.faultyVms", { count: vmCounts.data.fault })}
        </Link>
      ),
    });
  }
  for (const datastore of datastores.data) {
    if (datastore.status !== "ABNORMAL" && datastore.status !== "READONLY") continue;
    problems.push({
      key: datastore.urn,
      tone: "bad",
      kind: t("overview.kinds.datastore"),
      text: <ObjectLink urn={datastore.urn} name={datastore.name} />,
      reason: datastore.hostLinks.find((link) => link.reason !== "")?.reason ?? "",
    });
  }
  const recent = failed.data.items.filter((task) => Number(task.finishTime) > Date.now() - DAY_MS);
  for (const task of recent.slice(0, SHOWN)) {
    const at = timeOfDay(new Date(Number(task.finishTime)), i18n.language);
    problems.push({
      key: task.urn,
      tone: "warning",
      kind: t("overview.kinds.task"),
      text: `${task.type} ${task.entityName} · ${at}`,
      reason: task.reasonDes,
    });
  }
  return problems;
}
