import { App, Button, Checkbox, Form, Segmented } from "antd";
import { CopyOutlined } from "@ant-design/icons";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Facts } from "../../../ui/facts.tsx";
import { gibibytes, mebibytes } from "../../../ui/format.ts";
import { useOsName } from "../use-os-name.ts";
import { beyondCli, cliText, curlText } from "./command-text.ts";
import { useWishNames } from "./use-wish-names.ts";
import { cloneRequestOf, createRequestOf, type IsoChoice, type Wish } from "./wish.ts";

/** Everything once more, and the call that will be made. */
export function SummaryStep(props: { wish: Wish; path: string; iso: IsoChoice | undefined }) {
  const { t } = useTranslation();
  const { wish, path, iso } = props;
  const names = useWishNames(wish);
  const osName = useOsName({
    osOptions: {
      osType: wish.osType,
      osVersion: wish.osVersion,
      guestOSName: "",
      hostname: "",
      password: "",
    },
  });
  return (
    <>
      <Facts
        items={[
          [t("common.name"), wish.name],
          [t("createVm.from"), names.source],
          [t("common.description"), wish.description || undefined],
          [t("createVm.location"), names.place.name],
          [t("vm.os"), `${osName}, ${wish.firmware}`],
          [t("vm.vcpus"), `${wish.cpus} (${t("vm.coresPerSocket")}: ${wish.coresPerSocket})`],
          [t("vm.memory"), mebibytes(wish.memoryMiB)],
          ...wish.disks.map(
            (disk, index) =>
              [
                t("vm.diskN", { n: index + 1 }),
                [
                  gibibytes(disk.sizeGiB),
                  t(`vm.provisioning.${disk.provisioning}`),
                  names.datastore(disk.datastoreUrn),
                  ...(disk.image ? [disk.image] : []),
                ].join(", "),
              ] as const,
          ),
          [t("createVm.bootIso"), iso?.name],
          ...wish.nics.map(
            (nic, index) =>
              [
                t("vm.nicN", { n: index + 1 }),
                [
                  names.portGroup(nic.portGroupUrn),
                  nic.mac || t("vm.macGenerated"),
                  ...(wish.isCustomized
                    ? [nic.addressing === "dhcp" ? "DHCP" : `${nic.ip ?? ""}/${nic.netmask ?? ""}`]
                    : []),
                ].join(", "),
              ] as const,
          ),
          [t("createVm.customize"), wish.isCustomized ? wish.hostname || t("common.yes") : t("common.no")],
        ]}
      />
      <Form.Item name="autoBoot" valuePropName="checked" className="gap-above">
        <Checkbox>{t("createVm.autoBoot")}</Checkbox>
      </Form.Item>
      <Commands wish={wish} path={path} iso={iso} />
    </>
  );
}

function Commands({ wish, path, iso }: { wish: Wish; path: string; iso: IsoChoice | undefined }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const names = useWishNames(wish);
  const [kind, setKind] = useState<"curl" | "cli">("curl");
  const body = wish.from === "" ? createRequestOf(wish, iso) : cloneRequestOf(wish);
  const text = kind === "curl" ? curlText(location.hostname, path, body) : cliText(wish, names);
  const missing = beyondCli(wish);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    void message.success(t("common.copied"));
  };
  return (
    <section aria-labelledby="commands">
      <div className="panel-head">
        <h2 id="commands">{t("createVm.commands")}</h2>
        <div className="page-tools">
          <Segmented<"curl" | "cli">
            aria-label={t("createVm.commands")}
            value={kind}
            onChange={setKind}
            options={[
              { value: "curl", label: "curl" },
              { value: "cli", label: "CLI" },
            ]}
          />
          <Button icon={<CopyOutlined />} onClick={() => void copy()}>
            {t("common.copy")}
          </Button>
        </div>
      </div>
      <pre className="command" tabIndex={0} aria-label={kind}>
        {text}
      </pre>
      {kind === "cli" && missing.length > 0 && (
        <p className="quiet">
          {t("createVm.beyondCli", {
            what: missing.map((one) => t(`createVm.beyond.${one}`)).join(", "),
          })}
        </p>
      )}
    </section>
  );
}
