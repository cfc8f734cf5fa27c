import { App, Dropdown, type MenuProps } from "antd";
import {
  DownOutlined,
  PlusOutlined,
  PoweroffOutlined,
  PlaySquareOutlined,
  ReloadOutlined,
} from "@ant-design/icons";
import { useNavigate } from "@tanstack/react-router";
import type { WireVm } from "@sinter/northbound";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useMay } from "../../api/session-store.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { MenuText } from "../../ui/menu-text.tsx";
import { RefusalList } from "./refusal-list.tsx";
import { RemoveVmsDialog } from "./remove-vms-dialog.tsx";
import { useEach } from "./use-each.ts";
import { POWER, type PowerName } from "./vm-power.ts";
import { type Doing, reasonAgainst } from "./vm-state.ts";

/** What can be done with the selected VMs. An action is offered when at least one of them allows it. */
export function VmListTools({ selected, onDone }: { selected: readonly WireVm[]; onDone: () => void }) {
  const { t } = useTranslation();
  const { message, modal } = App.useApp();
  const navigate = useNavigate();
  const mayOperate = useMay("operate");
  const each = useEach();
  const [isRemoving, setRemoving] = useState(false);
  const needsRight = mayOperate ? undefined : t("common.needsOperate");

  const reasonFor = (doing: Doing): string | undefined => {
    if (needsRight !== undefined) return needsRight;
    if (selected.length === 0) return t("vm.selectFirst");
    const reasons = selected.map((vm) => reasonAgainst(t, doing, vm));
    return reasons.includes(undefined) ? undefined : reasons[0];
  };
  const fittingFor = (name: PowerName): WireVm[] =>
    selected.filter((vm) => reasonAgainst(t, POWER[name].rule, vm) === undefined);
  const act = async (name: PowerName): Promise<void> => {
    const fitting = fittingFor(name);
    const begun = await each.run(fitting, POWER[name].call);
    if (begun > 0)
      void message.success(
        t("common.started", { what: `${t(`vm.power.${name}`)} · ${t("vm.count", { count: begun })}` }),
      );
    const left = selected.length - fitting.length;
    if (left > 0) void message.info(t("vm.leftOut", { count: left }));
  };
  const ask = (name: PowerName): void => {
    if (!("isRough" in POWER[name])) return void act(name);
    void modal.confirm({
      title: t(`vm.power.${name}`),
      content: (
        <>
          <p>{t("vm.roughWarning")}</p>
          <p>
            {fittingFor(name)
              .map((vm) => vm.name)
              .join(", ")}
          </p>
        </>
      ),
      okText: t(`vm.power.${name}`),
      okButtonProps: { danger: true },
      onOk: () => act(name),
    });
  };
  const item = (name: PowerName): NonNullable<MenuProps["items"]>[number] => {
    const reason = reasonFor(POWER[name].rule);
    return {
      key: name,
      disabled: reason !== undefined,
      label: <MenuText text={t(`vm.power.${name}`)} reason={reason} />,
      onClick: () => ask(name),
    };
  };
  const removeReason = reasonFor("remove");
  return (
    <div className="page-tools">
      <ActionButton
        type="primary"
        icon={<PlusOutlined />}
        reason={needsRight}
        onClick={() => void navigate({ to: "/vms/create" })}
      >
        {t("vm.create")}
      </ActionButton>
      <ActionButton
        icon={<PlaySquareOutlined />}
        reason={reasonFor("start")}
        loading={each.isRunning}
        onClick={() => ask("start")}
      >
        {t("vm.power.start")}
      </ActionButton>
      <Dropdown trigger={["click"]} menu={{ items: [item("stop"), item("forceStop")] }}>
        <ActionButton icon={<PoweroffOutlined />}>
          {t("vm.power.stop")} <DownOutlined />
        </ActionButton>
      </Dropdown>
      <Dropdown trigger={["click"]} menu={{ items: [item("reboot"), item("forceReboot")] }}>
        <ActionButton icon={<ReloadOutlined />}>
          {t("vm.power.reboot")} <DownOutlined />
        </ActionButton>
      </Dropdown>
      <Dropdown
        trigger={["click"]}
        menu={{
          items: [
            item("pause"),
            item("resume"),
            item("hibernate"),
            { type: "divider" },
            {
              key: "remove",
              danger: true,
              disabled: removeReason !== undefined,
              label: <MenuText text={t("common.remove")} reason={removeReason} />,
              onClick: () => setRemoving(true),
            },
          ],
        }}
      >
        <ActionButton>
          {t("common.more")} <DownOutlined />
        </ActionButton>
      </Dropdown>
      {isRemoving && (
        <RemoveVmsDialog
          vms={selected}
          onClose={(isDone) => {
            setRemoving(false);
            if (isDone) onDone();
          }}
        />
      )}
      <RefusalList refusals={each.refusals} onClose={each.forget} />
    </div>
  );
}
