import { useQuery } from "@tanstack/react-query";
import type { WireVm } from "@sinter/northbound";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { pageOf } from "../../api/urns.ts";
import { PageLink } from "./page-link.tsx";

const LOOK_AGAIN_MS = 10_000;

/** The host that may write a disk on a shared datastore; a disk without leases shows none. */
export function DiskOwner({ vm, volumeUrn }: { vm: WireVm; volumeUrn: string }) {
  const { t } = useTranslation();
  // One question for all disks of the VM.
  const { data } = useQuery({
    queryKey: ["vms", "leases", vm.urn],
    queryFn: () => client.vms.leases(vm),
    refetchInterval: LOOK_AGAIN_MS,
  });
  const disk = data?.disks.find((one) => one.volumeUrn === volumeUrn);
  if (disk === undefined) return "–";
  if (disk.ownerStatus === "")
    return <span title={disk.reason}>{disk.reason ? "–" : t("storage.leases.nobody")}</span>;
  return (
    <>
      {disk.ownerHostUrn === "" ? (
        disk.ownerHostName
      ) : (
        <PageLink to={pageOf(disk.ownerHostUrn)}>{disk.ownerHostName}</PageLink>
      )}{" "}
      <span className="quiet">{t(`storage.leases.seenAs.${disk.ownerStatus}`)}</span>
    </>
  );
}
