import { Button, Form, Input } from "antd";
import { useQuery } from "@tanstack/react-query";
import type { ModifyHostRequest, WireHost } from "@sinter/northbound";
import { LIMITS } from "@sinter/rules";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { useMay } from "../../api/session-store.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { Failure } from "../../ui/failure.tsx";
import { mebibytes } from "../../ui/format.ts";
import { StateTag } from "../../ui/state-tag.tsx";
import { useAction } from "../../ui/use-action.ts";

/** What an administrator sets on a host, what its machine can do, and what was found on it. */
export function HostConfigure({ host }: { host: WireHost }) {
  return (
    <>
      <div className="panels">
        <Settings host={host} />
        <Features host={host} />
      </div>
      <Unmanaged host={host} />
    </>
  );
}

interface SettingsForm {
  readonly name: string;
  readonly description: string;
  readonly bmcIp: string;
  readonly bmcUserName: string;
}

function Settings({ host }: { host: WireHost }) {
  const { t } = useTranslation();
  const mayNot = useMay("administer") ? undefined : t("common.needsAdminister");
  const [form] = Form.useForm<SettingsForm>();
  const save = useAction<ModifyHostRequest>({
    call: (change) => client.hosts.modify(host, change),
    kinds: ["hosts"],
    started: () => t("host.saved", { name: host.name }),
    isQuiet: true,
  });
  const initial: SettingsForm = {
    name: host.name,
    description: host.description,
    bmcIp: host.bmcIp ?? "",
    bmcUserName: host.bmcUserName ?? "",
  };
  return (
    <section className="panel">
      <h2>{t("object.general")}</h2>
      <Form<SettingsForm>
        form={form}
        layout="vertical"
        initialValues={initial}
        disabled={mayNot !== undefined}
        onFinish={(values) => void save.run(values)}
      >
        <Form.Item
          name="name"
          label={t("common.name")}
          rules={[{ required: true, message: t("common.required") }]}
        >
          <Input maxLength={LIMITS.nameLength.max} />
        </Form.Item>
        <Form.Item name="description" label={t("common.description")}>
          <Input.TextArea maxLength={LIMITS.descriptionLength.max} rows={3} />
        </Form.Item>
        <Form.Item name="bmcIp" label={t("host.bmcIp")}>
          <Input maxLength={64} />
        </Form.Item>
        <Form.Item name="bmcUserName" label={t("host.bmcUser")}>
          <Input maxLength={64} autoComplete="off" />
        </Form.Item>
        <Failure error={save.error} />
        {mayNot === undefined ? (
          <Button htmlType="submit" loading={save.isRunning}>
            {t("common.save")}
          </Button>
        ) : (
          <ActionButton reason={mayNot}>{t("common.save")}</ActionButton>
        )}
      </Form>
    </section>
  );
}

function Features({ host }: { host: WireHost }) {
  const { t } = useTranslation();
  const { data, error } = useQuery({
    queryKey: ["hosts", "capabilities", host.urn],
    queryFn: () => client.hosts.capabilities(host),
    staleTime: 600_000,
  });
  return (
    <section className="panel">
      <h2>{t("host.features")}</h2>
      <Failure error={error} />
      <table className="plain">
        <thead>
          <tr>
            <th scope="col">{t("host.feature")}</th>
            <th scope="col">{t("host.supported")}</th>
          </tr>
        </thead>
        <tbody>
          {(data?.features ?? []).map((feature) => (
            <tr key={feature.feature}>
              <th scope="row">{feature.feature}</th>
              <td>
                <StateTag
                  tone={feature.isSupported ? "good" : "off"}
                  text={t(feature.isSupported ? "common.yes" : "common.no")}
                />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Unmanaged({ host }: { host: WireHost }) {
  const { t } = useTranslation();
  const { data, error } = useQuery({
    queryKey: ["hosts", "unmanaged", host.urn],
    queryFn: () => client.hosts.unmanagedVms(host),
  });
  return (
    <section className="panel page-section">
      <h2>{t("host.unmanaged")}</h2>
      <p className="quiet">{t("host.unmanagedText")}</p>
      <Failure error={error} />
      {data?.total === 0 && <p>{t("host.unmanagedNone")}</p>}
      {data && data.total > 0 && (
        <table className="plain">
          <thead>
            <tr>
              <th scope="col">{t("host.domain")}</th>
              <th scope="col">{t("host.power")}</th>
              <th scope="col">{t("host.cpu")}</th>
              <th scope="col">{t("host.memory")}</th>
              <th scope="col">{t("host.disks")}</th>
              <th scope="col">{t("host.mac")}</th>
            </tr>
          </thead>
          <tbody>
            {data.vms.map((vm) => (
              <tr key={vm.uuid}>
                <th scope="row">
                  {vm.title ?? vm.domainName}
                  {vm.isSinters && <div className="quiet">{t("host.ours")}</div>}
                </th>
                <td>{vm.power}</td>
                <td>{vm.cpuCount}</td>
                <td>{mebibytes(vm.memoryMB)}</td>
                <td>{vm.disks.map((disk) => disk.source ?? disk.target).join(", ")}</td>
                <td>{vm.macs.join(", ")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
