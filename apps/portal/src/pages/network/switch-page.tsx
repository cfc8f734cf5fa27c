import { ApartmentOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { WireSwitch } from "@sinter/northbound";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { useMay, useSession } from "../../api/session-store.ts";
import { urnOf } from "../../api/urns.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { ActionDialog } from "../../ui/action-dialog.tsx";
import { ObjectPage, type TabPage } from "../../ui/object-page.tsx";
import { PermissionsTab } from "../../ui/permissions-tab.tsx";
import { TasksTab } from "../../ui/tasks-tab.tsx";
import { useAction } from "../../ui/use-action.ts";
import { VmsTab } from "../../ui/vms-tab.tsx";
import { PortGroupTable } from "./port-group-table.tsx";
import { SwitchConfigure } from "./switch-configure.tsx";
import { SwitchSummary } from "./switch-summary.tsx";

/** One distributed switch. */
export function SwitchPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { switchId } = useParams({ strict: false });
  const search = useSearch({ strict: false });
  const urn = urnOf(useSession().siteUrn, "dvswitchs", switchId ?? "");
  const { data, error, isLoading, refetch } = useQuery({
    queryKey: ["switches", "one", urn],
    queryFn: () => client.switches.get(urn),
  });
  const tabs: TabPage[] = data
    ? [
        { key: "summary", label: t("object.tabs.summary"), content: <SwitchSummary network={data} /> },
        { key: "configure", label: t("object.tabs.configure"), content: <SwitchConfigure network={data} /> },
        { key: "portGroups", label: t("object.tabs.portGroups"), content: <PortGroupTable ofSwitch={urn} /> },
        { key: "vms", label: t("object.tabs.vms"), content: <VmsTab scope={urn} /> },
        { key: "tasks", label: t("object.tabs.tasks"), content: <TasksTab urn={urn} /> },
        { key: "permissions", label: t("object.tabs.permissions"), content: <PermissionsTab /> },
      ]
    : [];
  return (
    <ObjectPage
      icon={<ApartmentOutlined />}
      title={data?.name ?? ""}
      actions={data && <RemoveButton network={data} />}
      tabs={tabs}
      tab={String(search["tab"] ?? "")}
      onTab={(tab) => void navigate({ to: ".", search: { tab } })}
      isLoading={isLoading}
      error={data ? undefined : error}
      onRetry={() => void refetch()}
    />
  );
}

function RemoveButton({ network }: { network: WireSwitch }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [isOpen, setOpen] = useState(false);
  const mayNot = useMay("administer") ? undefined : t("common.needsAdminister");
  const isUsed =
    network.portGroupNum > 0 ? t("network.switchUsed", { count: network.portGroupNum }) : undefined;
  const remove = useAction<WireSwitch>({
    call: (one) => client.switches.remove(one),
    kinds: ["switches"],
    started: ({ name }) => t("object.removing", { name }),
    isQuiet: true,
  });
  const removeIt = async (): Promise<void> => {
    if (await remove.run(network)) await navigate({ to: "/network" });
  };
  return (
    <>
      <ActionButton danger reason={mayNot ?? isUsed} onClick={() => setOpen(true)}>
        {t("network.removeSwitch")}
      </ActionButton>
      <ActionDialog
        title={t("network.removeSwitch")}
        okText={t("common.remove")}
        isOpen={isOpen}
        isDangerous
        onClose={() => setOpen(false)}
        onOk={() => void removeIt()}
        isRunning={remove.isRunning}
        error={remove.error}
      >
        <p>{t("network.removeSwitchText", { name: network.name })}</p>
      </ActionDialog>
    </>
  );
}
