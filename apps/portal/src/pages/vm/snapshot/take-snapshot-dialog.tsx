import { Checkbox, Form, Input, Tooltip } from "antd";
import type { WireVm } from "@sinter/northbound";
import { useId } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../../../api/client.ts";
import { FormDialog } from "../../../ui/form-dialog.tsx";
import { stateOf } from "../vm-state.ts";

interface Wish {
  readonly name: string;
  readonly description?: string;
  readonly kind?: readonly ("memory" | "consistent")[];
}

const NAME_LENGTH_MAX = 256;
const DESCRIPTION_LENGTH_MAX = 1024;

export function TakeSnapshotDialog({ vm, onClose }: { vm: WireVm; onClose: () => void }) {
  const { t } = useTranslation();
  const isRunning = stateOf(vm) === "running";
  const disks = vm.vmConfig?.disks ?? [];
  const left = disks.filter(({ indepDisk }) => indepDisk).map(({ diskName }) => diskName);
  const notRunning = isRunning ? undefined : t("snapshot.needsRunning");
  const memoryReason = notRunning ?? (left.length > 0 ? t("snapshot.needsAllDisks") : undefined);
  return (
    <FormDialog<Wish>
      title={`${t("snapshot.take")}: ${vm.name}`}
      okText={t("snapshot.take")}
      onClose={onClose}
      initialValues={{ name: "", kind: [] }}
      call={({ name, description, kind }) =>
        client.snapshots.take(vm, {
          name,
          ...(description ? { description } : {}),
          needMemoryShot: kind?.includes("memory") ?? false,
          isConsistent: kind?.includes("consistent") ?? false,
        })
      }
      kinds={["vms"]}
      started={({ name }) => `${t("snapshot.take")} · ${name}`}
      fields={{ "10000012": "name", "10000018": "description", "10300119": "kind", "10300314": "kind" }}
    >
      <Form.Item
        name="name"
        label={t("common.name")}
        rules={[{ required: true, whitespace: true, message: t("common.required") }]}
      >
        <Input maxLength={NAME_LENGTH_MAX} autoFocus />
      </Form.Item>
      <Form.Item name="description" label={t("common.description")}>
        <Input.TextArea rows={3} maxLength={DESCRIPTION_LENGTH_MAX} />
      </Form.Item>
      <Form.Item name="kind" label={t("snapshot.kind")} extra={t("snapshot.kindHint")}>
        <Checkbox.Group className="snapshot-kinds">
          <Choice value="consistent" reason={notRunning}>
            {t("snapshot.consistent")}
          </Choice>
          <Choice value="memory" reason={memoryReason}>
            {t("snapshot.memory")}
          </Choice>
        </Checkbox.Group>
      </Form.Item>
      {left.length > 0 && <p className="quiet">{t("snapshot.leftOut", { disks: left.join(", ") })}</p>}
    </FormDialog>
  );
}

/** One that cannot be chosen says why, also to those who do not point at it. */
function Choice(props: { value: string; reason: string | undefined; children: string }) {
  const id = useId();
  const isOff = props.reason !== undefined;
  return (
    <Tooltip title={props.reason}>
      <span>
        <Checkbox value={props.value} disabled={isOff} aria-describedby={isOff ? id : undefined}>
          {props.children}
        </Checkbox>
        {isOff && (
          <span id={id} className="quiet">
            {props.reason}
          </span>
        )}
      </span>
    </Tooltip>
  );
}
