import { Dropdown, type MenuProps } from "antd";
import {
  CodeOutlined,
  DownOutlined,
  PlaySquareOutlined,
  PoweroffOutlined,
  ReloadOutlined,
} from "@ant-design/icons";
import { useNavigate } from "@tanstack/react-router";
import type { WireVm } from "@sinter/northbound";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useMay } from "../../api/session-store.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { openConsoleWindow } from "./open-console.ts";
import { RemoveVmsDialog } from "./remove-vms-dialog.tsx";
import { TemplateDialog } from "./template-dialog.tsx";
import { usePower } from "./use-power.ts";
import { MenuText } from "../../ui/menu-text.tsx";
import { POWER, type PowerName } from "./vm-power.ts";
import { type Doing, reasonAgainst } from "./vm-state.ts";

/** What can be done with one VM; what cannot says why. */
export function VmPowerButtons({ vm }: { vm: WireVm }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const needsRight = useMay("operate") ? undefined : t("common.needsOperate");
  const [dialog, setDialog] = useState<"remove" | "template">();
  const act = usePower(vm);
  const reasonFor = (doing: Doing): string | undefined => needsRight ?? reasonAgainst(t, doing, vm);
  const entry = (key: string, text: string, doing: Doing, onClick: () => void, danger = false) => {
    const reason = reasonFor(doing);
    return {
      key,
      danger,
      disabled: reason !== undefined,
      label: <MenuText text={text} reason={reason} />,
      onClick,
    } satisfies NonNullable<MenuProps["items"]>[number];
  };
  const power = (name: PowerName) =>
    entry(name, t(`vm.power.${name}`), POWER[name].rule, () => act.ask(name));
  const remove = entry("remove", t("common.remove"), "remove", () => setDialog("remove"), true);
  const clone = entry("clone", t(vm.isTemplate ? "vm.deploy" : "vm.clone"), "clone", () => {
    void navigate({ to: "/vms/create", search: { from: vm.urn } });
  });
  return (
    <>
      {vm.isTemplate ? (
        <ActionButton
          type="primary"
          reason={reasonFor("clone")}
          onClick={() => void navigate({ to: "/vms/create", search: { from: vm.urn } })}
        >
          {t("vm.deploy")}
        </ActionButton>
      ) : (
        <>
          <ActionButton
            type="primary"
            icon={<CodeOutlined />}
            reason={reasonFor("openConsole")}
            onClick={() => openConsoleWindow(vm, "vnc")}
          >
            {t("vm.openConsole")}
          </ActionButton>
          <ActionButton
            icon={<PlaySquareOutlined />}
            reason={reasonFor("start")}
            loading={act.isRunning}
            onClick={() => act.ask("start")}
          >
            {t("vm.power.start")}
          </ActionButton>
          <Dropdown trigger={["click"]} menu={{ items: [power("stop"), power("forceStop")] }}>
            <ActionButton icon={<PoweroffOutlined />}>
              {t("vm.power.stop")} <DownOutlined />
            </ActionButton>
          </Dropdown>
          <Dropdown trigger={["click"]} menu={{ items: [power("reboot"), power("forceReboot")] }}>
            <ActionButton icon={<ReloadOutlined />}>
              {t("vm.power.reboot")} <DownOutlined />
            </ActionButton>
          </Dropdown>
        </>
      )}
      <Dropdown
        trigger={["click"]}
        menu={{
          items: vm.isTemplate
            ? [entry("toVm", t("vm.toVm"), "clone", () => setDialog("template")), { type: "divider" }, remove]
            : [
                power("pause"),
                power("resume"),
                power("hibernate"),
                { type: "divider" },
                clone,
                entry("toTemplate", t("vm.toTemplate"), "convertToTemplate", () => setDialog("template")),
                { type: "divider" },
                remove,
              ],
        }}
      >
        <ActionButton>
          {t("common.more")} <DownOutlined />
        </ActionButton>
      </Dropdown>
      {dialog === "template" && <TemplateDialog vm={vm} onClose={() => setDialog(undefined)} />}
      {dialog === "remove" && (
        <RemoveVmsDialog
          vms={[vm]}
          onClose={(isDone) => {
            setDialog(undefined);
            if (isDone) void navigate({ to: "/vms" });
          }}
        />
      )}
    </>
  );
}
