import { Button, Form, Input, Modal, Select } from "antd";
import { CopyOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import type { CreatedJoinToken } from "@sinter/northbound";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { clustersQuery } from "../../api/queries.ts";
import { Failure } from "../../ui/failure.tsx";
import { dateTime } from "../../ui/format.ts";
import { useAction } from "../../ui/use-action.ts";

/** Makes a one-time token and shows the command that a host joins by. The token is forgotten with the dialog. */
export function JoinHostDialog(props: { isOpen: boolean; onClose: () => void; clusterUrn?: string }) {
  const { t, i18n } = useTranslation();
  const clusters = useQuery({ ...clustersQuery(), enabled: props.isOpen });
  const [clusterUrn, setClusterUrn] = useState(props.clusterUrn ?? "");
  const [made, setMade] = useState<CreatedJoinToken>();
  const [isCopied, setCopied] = useState(false);
  const make = useAction<string>({
    call: async (urn) => setMade(await client.joinTokens.create(urn === "" ? {} : { clusterUrn: urn })),
    kinds: [],
    isQuiet: true,
  });
  const close = (): void => {
    setMade(undefined);
    setCopied(false);
    make.reset();
    props.onClose();
  };
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(made?.command ?? "");
    setCopied(true);
  };
  return (
    <Modal
      open={props.isOpen}
      title={t("host.join")}
      onCancel={close}
      destroyOnHidden
      footer={
        made ? (
          <>
            <Button icon={<CopyOutlined />} type="primary" onClick={() => void copy()}>
              {t(isCopied ? "common.copied" : "common.copy")}
            </Button>
            <Button onClick={close}>{t("common.close")}</Button>
          </>
        ) : (
          <>
            <Button onClick={close}>{t("common.cancel")}</Button>
            <Button type="primary" loading={make.isRunning} onClick={() => void make.run(clusterUrn)}>
              {t("host.joinMake")}
            </Button>
          </>
        )
      }
    >
      <Form layout="vertical">
        {!made && (
          <Form.Item label={t("host.joinCluster")} htmlFor="join-cluster">
            <Select
              id="join-cluster"
              value={clusterUrn}
              onChange={setClusterUrn}
              options={[
                { value: "", label: t("host.outside") },
                ...(clusters.data ?? []).map((cluster) => ({ value: cluster.urn, label: cluster.name })),
              ]}
            />
          </Form.Item>
        )}
        {made && (
          <Form.Item
            label={t("host.joinCommand")}
            htmlFor="join-command"
            extra={t("host.joinRun", { until: dateTime(new Date(Number(made.expiresAt)), i18n.language) })}
          >
            <Input.TextArea id="join-command" readOnly rows={6} value={made.command} className="code" />
          </Form.Item>
        )}
      </Form>
      <Failure error={make.error} />
    </Modal>
  );
}
