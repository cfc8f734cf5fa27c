import { Alert, Button, Dropdown, type MenuProps } from "antd";
import { DownOutlined, PlaySquareOutlined, PoweroffOutlined } from "@ant-design/icons";
import type { WireVm } from "@sinter/northbound";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Failure, failureText } from "../../ui/failure.tsx";
import { StateTag, type Tone } from "../../ui/state-tag.tsx";
import { usePower } from "../vm/use-power.ts";
import { MenuText } from "../../ui/menu-text.tsx";
import { POWER, POWER_NAMES } from "../vm/vm-power.ts";
import { reasonAgainst } from "../vm/vm-state.ts";
import { VmStateTag } from "../vm/vm-state-tag.tsx";
import type { Phase } from "./use-console.ts";

const TONES: Readonly<Record<Phase["kind"], Tone>> = {
  off: "off",
  opening: "busy",
  connected: "good",
  retrying: "warning",
  ended: "bad",
};

/** Around a console: whose it is, how it stands, and what can be done. */
export function ConsoleFrame(props: {
  vm: WireVm;
  phase: Phase;
  onReconnect: () => void;
  tools: ReactNode;
  children: ReactNode;
}) {
  const { t } = useTranslation();
  const { vm, phase } = props;
  const act = usePower(vm);
  const items: MenuProps["items"] = POWER_NAMES.map((name) => {
    const reason = reasonAgainst(t, POWER[name].rule, vm);
    return {
      key: name,
      disabled: reason !== undefined,
      danger: "isRough" in POWER[name],
      label: <MenuText text={t(`vm.power.${name}`)} reason={reason} />,
      onClick: () => act.ask(name),
    };
  });
  const isOff = phase.kind === "off";
  const startReason = reasonAgainst(t, "start", vm);
  return (
    <div className="console">
      <header className="console-bar">
        <h1>{vm.name}</h1>
        <VmStateTag vm={vm} />
        <span role="status">
          <StateTag tone={TONES[phase.kind]} text={t(`console.phase.${phase.kind}`)} />
        </span>
        <div className="page-tools console-tools">
          {props.tools}
          <Dropdown trigger={["click"]} menu={{ items }}>
            <Button size="small" icon={<PoweroffOutlined />}>
              {t("console.power")} <DownOutlined />
            </Button>
          </Dropdown>
        </div>
      </header>
      {phase.kind === "retrying" && (
        <Alert
          banner
          type="warning"
          title={phase.error === undefined ? t("console.lost") : failureText(phase.error)}
          action={
            <Button size="small" onClick={props.onReconnect}>
              {t("console.now")}
            </Button>
          }
        />
      )}
      {phase.kind === "ended" &&
        (phase.error === undefined ? (
          <Alert
            banner
            type="error"
            title={t(`console.end.${phase.why}`)}
            action={
              <Button size="small" onClick={props.onReconnect}>
                {t("console.again")}
              </Button>
            }
          />
        ) : (
          <Failure error={phase.error} onRetry={props.onReconnect} />
        ))}
      <main className="console-main">
        {props.children}
        {isOff && (
          <div className="console-off">
            <p>{t("console.off", { name: vm.name })}</p>
            <Button
              type="primary"
              icon={<PlaySquareOutlined />}
              loading={act.isRunning}
              disabled={startReason !== undefined}
              onClick={() => act.ask("start")}
            >
              {t("vm.power.start")}
            </Button>
            {startReason !== undefined && <p>{startReason}</p>}
          </div>
        )}
      </main>
    </div>
  );
}
