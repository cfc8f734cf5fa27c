import { CodeOutlined, DesktopOutlined } from "@ant-design/icons";
import { useTranslation } from "react-i18next";
import type { WireVm } from "@sinter/northbound";
import { useMay } from "../../api/session-store.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { openConsoleWindow } from "./open-console.ts";
import { reasonAgainst } from "./vm-state.ts";

/** Both consoles open in windows of their own, so that they stay when one goes on to other pages. */
export function VmConsoleTab({ vm }: { vm: WireVm }) {
  const { t } = useTranslation();
  const mayOperate = useMay("operate");
  const reason = mayOperate ? reasonAgainst(t, "openConsole", vm) : t("common.needsOperate");
  return (
    <div className="panels">
      <section className="panel">
        <h2>{t("vm.screen")}</h2>
        <p className="quiet">{t("vm.screenHint")}</p>
        <ActionButton
          type="primary"
          icon={<DesktopOutlined />}
          reason={reason}
          onClick={() => openConsoleWindow(vm, "vnc")}
        >
          {t("vm.openScreen")}
        </ActionButton>
      </section>
      <section className="panel">
        <h2>{t("vm.serial")}</h2>
        <p className="quiet">{t("vm.serialHint")}</p>
        <ActionButton icon={<CodeOutlined />} reason={reason} onClick={() => openConsoleWindow(vm, "serial")}>
          {t("vm.openSerial")}
        </ActionButton>
      </section>
    </div>
  );
}
