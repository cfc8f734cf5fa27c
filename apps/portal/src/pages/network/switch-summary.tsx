import { Form, Select } from "antd";
import { DeleteOutlined, PlusOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import type { WireHostPort, WireSwitch } from "@sinter/northbound";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { hostQuery } from "../../api/queries.ts";
import { useMay } from "../../api/session-store.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { ActionDialog } from "../../ui/action-dialog.tsx";
import { Facts } from "../../ui/facts.tsx";
import { FormDialog } from "../../ui/form-dialog.tsx";
import { HostSelect } from "../../ui/host-select.tsx";
import { ObjectLink } from "../../ui/object-link.tsx";
import { StateTag } from "../../ui/state-tag.tsx";
import { useAction } from "../../ui/use-action.ts";
import { vlansText } from "./vlans.ts";

/** What the switch is, and the hosts that carry it with their ways out. */
export function SwitchSummary({ network }: { network: WireSwitch }) {
  const { t } = useTranslation();
  return (
    <>
      <section className="panel narrow">
        <h2>{t("object.facts")}</h2>
        <Facts
          items={[
            [t("common.description"), network.description || undefined],
            [t("network.mtu"), network.mtu],
            [t("network.vlans"), vlansText(network.vlanPoolSet) || t("common.none")],
            [t("network.portGroups"), network.portGroupNum],
            [t("network.ports"), t("common.of", { used: network.usedVspNum, total: network.totalVspNum })],
          ]}
        />
      </section>
      <HostPorts network={network} />
    </>
  );
}

function HostPorts({ network }: { network: WireSwitch }) {
  const { t } = useTranslation();
  const [isAdding, setAdding] = useState(false);
  const [leaving, setLeaving] = useState<WireHostPort>();
  const mayNot = useMay("administer") ? undefined : t("common.needsAdminister");
  const remove = useAction<WireHostPort>({
    call: ({ hostUrn, portName }) =>
      client.switches.removeHosts(network, [{ hostUrn, ...(portName ? { portName } : {}) }]),
    kinds: ["switches"],
    started: ({ hostName }) => t("object.removing", { name: hostName }),
    isQuiet: true,
  });
  const removeIt = async (): Promise<void> => {
    if (leaving && (await remove.run(leaving))) setLeaving(undefined);
  };
  return (
    <section className="panel page-section">
      <h2>{t("network.hosts")}</h2>
      <p>
        <ActionButton icon={<PlusOutlined />} reason={mayNot} onClick={() => setAdding(true)}>
          {t("network.addHost")}
        </ActionButton>
      </p>
      <table className="plain">
        <thead>
          <tr>
            <th scope="col">{t("network.host")}</th>
            <th scope="col">{t("network.uplinks")}</th>
            <th scope="col">{t("network.link")}</th>
            <th scope="col">{t("network.applied")}</th>
            <th scope="col">{t("common.actions")}</th>
          </tr>
        </thead>
        <tbody>
          {network.hostPortSet.map((port) => (
            <tr key={port.hostUrn}>
              <th scope="row">
                <ObjectLink urn={port.hostUrn} name={port.hostName} />
              </th>
              <td>{port.portName || t("network.noUplink")}</td>
              <td>
                {port.portName === "" ? (
                  "–"
                ) : (
                  <StateTag
                    tone={port.status === 0 ? "good" : "bad"}
                    text={t(port.status === 0 ? "network.up" : "network.down")}
                  />
                )}
              </td>
              <td>
                <StateTag
                  tone={port.isApplied ? "good" : port.reason ? "bad" : "busy"}
                  text={t(port.isApplied ? "network.isApplied" : "network.isNotApplied")}
                />
                {port.reason && <div className="quiet">{port.reason}</div>}
              </td>
              <td>
                <ActionButton
                  size="small"
                  type="text"
                  danger
                  icon={<DeleteOutlined />}
                  aria-label={`${t("network.removeHost")}: ${port.hostName}`}
                  reason={mayNot}
                  onClick={() => {
                    remove.reset();
                    setLeaving(port);
                  }}
                />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {isAdding && <AddHostDialog network={network} onClose={() => setAdding(false)} />}
      <ActionDialog
        title={t("network.removeHost")}
        okText={t("network.removeHost")}
        isOpen={leaving !== undefined}
        isDangerous
        onClose={() => setLeaving(undefined)}
        onOk={() => void removeIt()}
        isRunning={remove.isRunning}
        error={remove.error}
      >
        <p>{t("network.removeHostText", { host: leaving?.hostName ?? "", name: network.name })}</p>
      </ActionDialog>
    </section>
  );
}

interface AddValues {
  readonly hostUrn: string;
  readonly uplinks: readonly string[];
}

function AddHostDialog({ network, onClose }: { network: WireSwitch; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <FormDialog<AddValues>
      title={t("network.addHost")}
      okText={t("network.addHost")}
      onClose={onClose}
      initialValues={{ uplinks: [] }}
      call={({ hostUrn, uplinks }) =>
        client.switches.addHosts(network, [
          { hostUrn, ...(uplinks.length > 0 ? { portName: uplinks.join(",") } : {}) },
        ])
      }
      kinds={["switches"]}
      started={() => t("network.addHost")}
      fields={{ "10300027": "hostUrn", "10540018": "hostUrn", "10540011": "uplinks", "10000009": "uplinks" }}
    >
      <Form.Item
        name="hostUrn"
        label={t("network.host")}
        rules={[{ required: true, message: t("common.required") }]}
      >
        <HostSelect without={network.hostPortSet.map((port) => port.hostUrn)} />
      </Form.Item>
      <Form.Item noStyle dependencies={["hostUrn"]}>
        {({ getFieldValue }) => (
          <Form.Item name="uplinks" label={t("network.uplinks")} extra={t("network.uplinksHint")}>
            <NicSelect hostUrn={getFieldValue("hostUrn") as string | undefined} />
          </Form.Item>
        )}
      </Form.Item>
    </FormDialog>
  );
}

/** NICs of a host; `value` and `onChange` come from the form. */
function NicSelect(props: {
  hostUrn: string | undefined;
  id?: string;
  value?: string[];
  onChange?: (value: string[]) => void;
}) {
  const { data } = useQuery({ ...hostQuery(props.hostUrn ?? ""), enabled: props.hostUrn !== undefined });
  return (
    <Select
      mode="multiple"
      {...(props.id === undefined ? {} : { id: props.id })}
      {...(props.value === undefined ? {} : { value: props.value })}
      {...(props.onChange === undefined ? {} : { onChange: props.onChange })}
      options={(data?.nics ?? []).map((nic) => ({ value: nic.name, label: nic.name }))}
    />
  );
}
