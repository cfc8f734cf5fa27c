import { Checkbox, Form, Select } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import type { WireHost } from "@sinter/northbound";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { clustersQuery } from "../../api/queries.ts";
import { useMay } from "../../api/session-store.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { ActionDialog } from "../../ui/action-dialog.tsx";
import { useAction } from "../../ui/use-action.ts";
import { statusOf } from "./host-state.tsx";

type Dialog = "enter" | "reboot" | "move" | "remove";
/** As the manager has it: what is on its way to another state cannot be set aside. */
const CAN_REST: readonly string[] = ["normal", "fault", "poweroff"];

/** What can be done with a host; what cannot be done now says why. */
export function HostActions({ host }: { host: WireHost }) {
  const { t } = useTranslation();
  const [dialog, setDialog] = useState<Dialog>();
  const mayNot = useMay("administer") ? undefined : t("common.needsAdminister");
  const leave = useAction<WireHost>({
    call: (one) => client.hosts.exitMaintenance(one),
    kinds: ["hosts"],
    started: () => t("host.exitMaintenance"),
  });
  const isWrong = CAN_REST.includes(host.status)
    ? undefined
    : t("host.wrongStatus", { status: t(`host.status.${statusOf(host)}`) });
  const close = (): void => setDialog(undefined);
  return (
    <>
      {host.isMaintaining ? (
        <ActionButton reason={mayNot} loading={leave.isRunning} onClick={() => void leave.run(host)}>
          {t("host.exitMaintenance")}
        </ActionButton>
      ) : (
        <ActionButton reason={mayNot ?? isWrong} onClick={() => setDialog("enter")}>
          {t("host.enterMaintenance")}
        </ActionButton>
      )}
      <ActionButton
        reason={mayNot ?? (host.bmcIp ? undefined : t("host.noBmc"))}
        onClick={() => setDialog("reboot")}
      >
        {t("host.reboot")}
      </ActionButton>
      <ActionButton reason={mayNot} onClick={() => setDialog("move")}>
        {t("host.move")}
      </ActionButton>
      <ActionButton danger reason={mayNot} onClick={() => setDialog("remove")}>
        {t("host.remove")}
      </ActionButton>
      {dialog === "enter" && <EnterDialog host={host} onClose={close} />}
      {dialog === "reboot" && <RebootDialog host={host} onClose={close} />}
      {dialog === "move" && <MoveDialog host={host} onClose={close} />}
      {dialog === "remove" && <RemoveDialog host={host} onClose={close} />}
    </>
  );
}

interface DialogProps {
  readonly host: WireHost;
  readonly onClose: () => void;
}

/** Runs it and closes the dialog when that worked. */
function useDialogAction(props: DialogProps, call: () => Promise<unknown>, what: string) {
  const action = useAction<void>({ call, kinds: ["hosts", "clusters"], started: () => what, isQuiet: true });
  const run = async (): Promise<boolean> => {
    const isDone = await action.run();
    if (isDone) props.onClose();
    return isDone;
  };
  return { isRunning: action.isRunning, error: action.error, run };
}

function EnterDialog(props: DialogProps) {
  const { t } = useTranslation();
  const action = useDialogAction(
    props,
    () => client.hosts.enterMaintenance(props.host),
    t("host.enterMaintenance"),
  );
  return (
    <ActionDialog
      title={t("host.enterMaintenance")}
      okText={t("host.enterMaintenance")}
      isOpen
      onClose={props.onClose}
      onOk={() => void action.run()}
      isRunning={action.isRunning}
      error={action.error}
    >
      <p>{t("host.enterText", { name: props.host.name })}</p>
    </ActionDialog>
  );
}

function RebootDialog(props: DialogProps) {
  const { t } = useTranslation();
  const action = useDialogAction(props, () => client.hosts.reboot(props.host), t("host.reboot"));
  return (
    <ActionDialog
      title={t("host.reboot")}
      okText={t("host.reboot")}
      isOpen
      isDangerous
      onClose={props.onClose}
      onOk={() => void action.run()}
      isRunning={action.isRunning}
      error={action.error}
    >
      <p>{t("host.rebootText", { name: props.host.name })}</p>
    </ActionDialog>
  );
}

function MoveDialog(props: DialogProps) {
  const { t } = useTranslation();
  const clusters = useQuery(clustersQuery());
  const [target, setTarget] = useState(props.host.clusterUrn);
  const action = useDialogAction(
    props,
    () => client.hosts.move(props.host, target === "" ? undefined : target),
    t("host.move"),
  );
  return (
    <ActionDialog
      title={t("host.move")}
      okText={t("host.move")}
      isOpen
      onClose={props.onClose}
      onOk={() => void action.run()}
      isRunning={action.isRunning}
      error={action.error}
    >
      <Form layout="vertical">
        <Form.Item label={t("host.moveTarget")} htmlFor="move-target" extra={t("host.moveText")}>
          <Select
            id="move-target"
            value={target}
            onChange={setTarget}
            options={[
              { value: "", label: t("host.outside") },
              ...(clusters.data ?? []).map((cluster) => ({ value: cluster.urn, label: cluster.name })),
            ]}
          />
        </Form.Item>
      </Form>
    </ActionDialog>
  );
}

function RemoveDialog(props: DialogProps) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [force, setForce] = useState(false);
  const action = useDialogAction(props, () => client.hosts.remove(props.host, { force }), t("host.remove"));
  const remove = async (): Promise<void> => {
    if (await action.run()) await navigate({ to: "/hosts" });
  };
  return (
    <ActionDialog
      title={t("host.remove")}
      okText={t("host.remove")}
      isOpen
      isDangerous
      onClose={props.onClose}
      onOk={() => void remove()}
      isRunning={action.isRunning}
      error={action.error}
    >
      <p>{t("host.removeText", { name: props.host.name })}</p>
      <Checkbox checked={force} onChange={(event) => setForce(event.target.checked)}>
        {t("host.force")}
      </Checkbox>
    </ActionDialog>
  );
}
