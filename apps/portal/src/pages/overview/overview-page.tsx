import { Skeleton } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { datastoresQuery } from "../../api/queries.ts";
import { Failure } from "../../ui/failure.tsx";
import { gibibytes, mebibytes } from "../../ui/format.ts";
import { readComputeCapacity, storageUse } from "./capacity.ts";
import { TopHosts, TopVms } from "./consumers.tsx";
import { Problems } from "./problems.tsx";
import { HostStates, VmStates } from "./states.tsx";
import { UsePicture } from "./use-picture.tsx";
import "./overview.css";

/** The pool at a glance: what there is, what is in use, what is wrong. */
export function OverviewPage() {
  const { t } = useTranslation();
  return (
    <>
      <div className="page-head">
        <h1>{t("shell.overview")}</h1>
      </div>
      <div className="panels overview-thirds">
        <Capacity />
      </div>
      <div className="panels overview-thirds">
        <HostStates />
        <VmStates />
        <Problems />
      </div>
      <div className="panels overview-quarters">
        <TopHosts metric="cpu_usage" />
        <TopHosts metric="mem_usage" />
        <TopVms metric="cpu_usage" />
        <TopVms metric="mem_usage" />
      </div>
    </>
  );
}

function Capacity() {
  const { t } = useTranslation();
  const compute = useQuery({
    queryKey: ["overview", "capacity"],
    queryFn: readComputeCapacity,
    refetchInterval: 30_000,
  });
  const datastores = useQuery(datastoresQuery());
  return (
    <>
      <Failure error={compute.error} onRetry={() => void compute.refetch()} />
      {compute.data ? (
        <>
          <UsePicture
            title={t("overview.cpu")}
            meaning={t("overview.cpuMeaning")}
            use={compute.data.cpu}
            write={(value) => t("overview.threads", { count: Math.round(value) })}
            writePromised={(value) => t("overview.vcpus", { count: value })}
          />
          <UsePicture
            title={t("overview.memory")}
            meaning={t("overview.memoryMeaning")}
            use={compute.data.memory}
            write={mebibytes}
          />
        </>
      ) : (
        <>
          <Waiting />
          <Waiting />
        </>
      )}
      {datastores.data ? (
        <UsePicture
          title={t("overview.storage")}
          meaning={t("overview.storageMeaning")}
          use={storageUse(datastores.data)}
          write={gibibytes}
        />
      ) : (
        <Waiting />
      )}
    </>
  );
}

function Waiting() {
  return (
    <div className="panel">
      <Skeleton active paragraph={{ rows: 4 }} />
    </div>
  );
}
