import { Form, Input, InputNumber, Modal, Radio, Select } from "antd";
import { useQuery } from "@tanstack/react-query";
import type { WireVm } from "@sinter/northbound";
import { LIMITS } from "@sinter/rules";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { Failure } from "../../ui/failure.tsx";
import { gibibytes } from "../../ui/format.ts";
import { useAction } from "../../ui/use-action.ts";
import { DatastoreSelect } from "./datastore-select.tsx";
import { type Provisioning, provisioningOnWire } from "./provisioning.ts";
import { ProvisioningSelect } from "./provisioning-select.tsx";

interface NewDisk {
  name?: string;
  sizeGiB: number;
  datastoreUrn: string;
  provisioning: Provisioning;
}

/** Attaches a volume that is there, or one that is made for it first. */
export function AttachDiskDialog({ vm, onClose }: { vm: WireVm; onClose: () => void }) {
  const { t } = useTranslation();
  const [kind, setKind] = useState<"new" | "there">("new");
  const [volume, setVolume] = useState<string>();
  const [form] = Form.useForm<NewDisk>();
  const scope = vm.hostUrn ?? vm.clusterUrn ?? undefined;
  const free = useQuery({
    queryKey: ["volumes", "free", scope],
    queryFn: () => client.volumes.list({ attachstatus: 1, limit: 100, ...(scope ? { scope } : {}) }),
    enabled: kind === "there",
  });
  const attach = useAction<string>({
    call: (urn) => client.vms.attachVolume(vm, urn),
    kinds: ["vms", "volumes"],
    started: () => t("vm.addDisk"),
    isQuiet: true,
  });
  const create = useAction<NewDisk>({
    call: async (disk) => {
      const answer = await client.volumes.create({
        name: disk.name || `${vm.name}_disk`,
        quantityGB: disk.sizeGiB,
        datastoreUrn: disk.datastoreUrn,
        ...provisioningOnWire(disk.provisioning),
      });
      await client.tasks.wait(answer);
      const urn = answer.urn ?? "";
      // From here the volume is there: should attaching be refused, it is offered among the others.
      setVolume(urn);
      setKind("there");
      await client.vms.attachVolume(vm, urn);
    },
    kinds: ["vms", "volumes", "datastores"],
    started: () => t("vm.addDisk"),
    isQuiet: true,
  });
  const submit = async (): Promise<void> => {
    if (kind === "there") {
      if (volume !== undefined && (await attach.run(volume))) onClose();
      return;
    }
    const disk = await form.validateFields().catch(() => undefined);
    if (disk && (await create.run(disk))) onClose();
  };
  return (
    <Modal
      open
      title={`${t("vm.addDisk")}: ${vm.name}`}
      okText={t("vm.attach")}
      okButtonProps={{ disabled: kind === "there" && volume === undefined }}
      confirmLoading={attach.isRunning || create.isRunning}
      onOk={() => void submit()}
      onCancel={onClose}
    >
      <Radio.Group
        className="block"
        value={kind}
        onChange={(event) => setKind(event.target.value)}
        options={[
          { value: "new", label: t("vm.newDisk") },
          { value: "there", label: t("vm.existingDisk") },
        ]}
      />
      <Form
        name="new-disk"
        form={form}
        layout="vertical"
        initialValues={{ sizeGiB: 20, provisioning: "thin" }}
        hidden={kind !== "new"}
      >
        <Form.Item name="name" label={t("common.name")}>
          <Input placeholder={`${vm.name}_disk`} />
        </Form.Item>
        <Form.Item
          name="sizeGiB"
          label={t("vm.sizeGiB")}
          rules={[{ required: true, message: t("common.required") }]}
        >
          <InputNumber {...LIMITS.diskGiB} precision={0} />
        </Form.Item>
        <Form.Item
          name="datastoreUrn"
          label={t("vm.datastore")}
          rules={[{ required: true, message: t("common.required") }]}
        >
          <DatastoreSelect place={scope} />
        </Form.Item>
        <Form.Item name="provisioning" label={t("vm.provisioningHead")}>
          <ProvisioningSelect />
        </Form.Item>
      </Form>
      {kind === "there" && (
        <Select
          className="block"
          aria-label={t("vm.existingDisk")}
          placeholder={t("vm.chooseVolume")}
          loading={free.isLoading}
          notFoundContent={t("vm.noFreeVolumes")}
          {...(volume === undefined ? {} : { value: volume })}
          onChange={setVolume}
          showSearch={{ optionFilterProp: "label" }}
          options={(free.data?.items ?? []).map((one) => ({
            value: one.urn,
            label: `${one.name} · ${gibibytes(one.quantityGB)} · ${one.datastoreName}`,
          }))}
        />
      )}
      <Failure error={attach.error ?? create.error} />
    </Modal>
  );
}
