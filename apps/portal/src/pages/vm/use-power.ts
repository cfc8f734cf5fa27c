import { App } from "antd";
import type { WireVm } from "@sinter/northbound";
import { useTranslation } from "react-i18next";
import { useAction } from "../../ui/use-action.ts";
import { POWER, type PowerName } from "./vm-power.ts";

/** Power actions of one VM; rough ones are asked about first. */
export function usePower(vm: WireVm): { ask(name: PowerName): void; readonly isRunning: boolean } {
  const { t } = useTranslation();
  const { modal } = App.useApp();
  const act = useAction<PowerName>({
    call: (name) => POWER[name].call(vm),
    kinds: ["vms"],
    started: (name) => `${t(`vm.power.${name}`)} · ${vm.name}`,
  });
  return {
    isRunning: act.isRunning,
    ask(name) {
      if (!("isRough" in POWER[name])) return void act.run(name);
      void modal.confirm({
        title: `${t(`vm.power.${name}`)}: ${vm.name}`,
        content: t("vm.roughWarning"),
        okText: t(`vm.power.${name}`),
        okButtonProps: { danger: true },
        onOk: () => act.run(name),
      });
    },
  };
}
