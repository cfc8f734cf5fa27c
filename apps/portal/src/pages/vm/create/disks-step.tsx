import { Button, Checkbox, Form, InputNumber, Select } from "antd";
import { DeleteOutlined, PlusOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { LIMITS } from "@sinter/rules";
import { useTranslation } from "react-i18next";
import { client } from "../../../api/client.ts";
import { bytes, gibibytes } from "../../../ui/format.ts";
import { DatastoreSelect, datastoresAtQuery } from "../datastore-select.tsx";
import { readyIsosQuery } from "../isos-query.ts";
import { ProvisioningSelect } from "../provisioning-select.tsx";
import { type DiskWish, NEW_DISK, roomNeeded, type Wish } from "./wish.ts";

const GIB = 1024 ** 3;

/** Disks with where they lie and how they take room, and what the VM boots from first. */
export function DisksStep({ isCopy }: { isCopy: boolean }) {
  const { t } = useTranslation();
  const form = Form.useFormInstance<Wish>();
  const location = Form.useWatch("location", form) || undefined;
  const disks = Form.useWatch("disks", form) ?? [];
  const datastores = useQuery(datastoresAtQuery(location));
  const isos = useQuery({ ...readyIsosQuery(), retry: false });
  const isLinked = Form.useWatch("isLinked", form) && isCopy;
  // What a linked clone's first disk takes is only what it changes.
  const short = [...roomNeeded(isLinked ? disks.slice(1) : disks)].flatMap(([urn, needed]) => {
    const datastore = datastores.data?.find((one) => one.urn === urn);
    return datastore && needed > datastore.actualFreeSizeGB
      ? [
          t("createVm.noRoom", {
            name: datastore.name,
            needed: gibibytes(needed),
            free: gibibytes(datastore.actualFreeSizeGB),
          }),
        ]
      : [];
  });
  return (
    <>
      <Form.List
        name="disks"
        rules={[
          {
            validator: () =>
              short.length === 0 ? Promise.resolve() : Promise.reject(new Error(short.join(" "))),
          },
        ]}
      >
        {(fields, { add, remove }, { errors }) => (
          <>
            {fields.map((field, index) => (
              <DiskRow
                key={field.key}
                at={field.name}
                number={index + 1}
                location={location}
                disk={disks[field.name]}
                isCopy={isCopy}
                onRemove={() => remove(field.name)}
              />
            ))}
            {/* Said while choosing, and once more when the step is left. */}
            {errors.length === 0 && short.length > 0 && (
              <p className="refusal" role="alert">
                {short.join(" ")}
              </p>
            )}
            <div className="refusal">
              <Form.ErrorList errors={errors} />
            </div>
            <Button
              icon={<PlusOutlined />}
              disabled={fields.length >= LIMITS.disksPerVm}
              onClick={() => add({ ...NEW_DISK, datastoreUrn: disks.at(-1)?.datastoreUrn ?? "" })}
            >
              {t("vm.addDisk")}
            </Button>
          </>
        )}
      </Form.List>
      {isCopy && (
        <Form.Item
          name="isLinked"
          valuePropName="checked"
          extra={t("createVm.linkedHint")}
          className="gap-above"
        >
          <Checkbox>{t("createVm.linked")}</Checkbox>
        </Form.Item>
      )}
      {!isCopy && (
        <Form.Item
          name="isoId"
          label={t("createVm.bootIso")}
          extra={t("createVm.bootIsoHint")}
          className="gap-above"
        >
          <Select
            allowClear
            aria-label={t("createVm.bootIso")}
            placeholder={t("createVm.noIso")}
            notFoundContent={t("vm.noIsos")}
            loading={isos.isLoading}
            options={(isos.data ?? []).map((iso) => ({
              value: iso.id,
              label: `${iso.name} · ${bytes(iso.sizeBytes)}`,
            }))}
          />
        </Form.Item>
      )}
    </>
  );
}

function DiskRow(props: {
  at: number;
  number: number;
  location: string | undefined;
  disk: DiskWish | undefined;
  isCopy: boolean;
  onRemove: () => void;
}) {
  const { t } = useTranslation();
  const { at, number, disk } = props;
  const copyOf = disk?.copyOf;
  const urn = disk?.datastoreUrn ?? "";
  const images = useQuery({
    queryKey: ["datastores", "images", urn],
    queryFn: () => client.datastores.images(urn),
    enabled: urn !== "" && !props.isCopy,
  });
  const image = images.data?.find((one) => one.name === disk?.image);
  const leastGiB = image ? Math.ceil(image.virtualSize / GIB) : 1;
  return (
    <fieldset className="device">
      <legend>{t("vm.diskN", { n: number })}</legend>
      <Form.Item
        name={[at, "sizeGiB"]}
        label={t("vm.sizeGiB")}
        dependencies={[["disks", at, "image"]]}
        rules={[
          { required: true, message: t("common.required") },
          {
            validator: (_rule, value: number) =>
              value >= leastGiB
                ? Promise.resolve()
                : Promise.reject(new Error(t("createVm.imageLarger", { size: gibibytes(leastGiB) }))),
          },
        ]}
      >
        <InputNumber {...LIMITS.diskGiB} precision={0} />
      </Form.Item>
      <Form.Item
        name={[at, "datastoreUrn"]}
        label={t("vm.datastore")}
        rules={[{ required: true, message: t("common.required") }]}
      >
        <DatastoreSelect place={props.location} />
      </Form.Item>
      <Form.Item name={[at, "provisioning"]} label={t("vm.provisioningHead")}>
        <ProvisioningSelect />
      </Form.Item>
      {copyOf !== undefined ? (
        <Form.Item label={t("createVm.content")}>
          <span>{t("createVm.copyOfDisk", { n: copyOf })}</span>
        </Form.Item>
      ) : (
        !props.isCopy && (
          <Form.Item name={[at, "image"]} label={t("createVm.content")}>
            <Select
              allowClear
              aria-label={t("createVm.content")}
              placeholder={t("createVm.emptyDisk")}
              notFoundContent={t("createVm.noImages")}
              popupMatchSelectWidth={false}
              options={(images.data ?? []).map((one) => ({
                value: one.name,
                label: `${one.name} (${bytes(one.virtualSize)})`,
              }))}
            />
          </Form.Item>
        )
      )}
      <Button
        className="device-remove"
        type="text"
        icon={<DeleteOutlined />}
        aria-label={t("createVm.removeDisk", { n: number })}
        onClick={props.onRemove}
      />
    </fieldset>
  );
}
