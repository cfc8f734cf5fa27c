import { Form, Input, Select } from "antd";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { LIMITS } from "@sinter/rules";
import { useDeferredValue, useState } from "react";
import { useTranslation } from "react-i18next";
import { clustersQuery, hostsQuery, vmQuery, vmsQuery } from "../../../api/queries.ts";
import type { Wish } from "./wish.ts";

/** Names are compared as a whole; the manager's filter gives those that contain it. */
const SAME_NAME_MAX = 100;

/** What it is made from, what it is called, and where it runs. */
export function PlaceStep({ onSource }: { onSource: (urn: string) => void }) {
  const { t } = useTranslation();
  const form = Form.useFormInstance<Wish>();
  const name = useDeferredValue((Form.useWatch("name", form) ?? "").trim());
  const same = useQuery({
    ...vmsQuery({ name, limit: SAME_NAME_MAX, detail: 0 }),
    enabled: name !== "",
  });
  const isTaken = same.data?.items.some((vm) => vm.name === name) === true;
  return (
    <>
      <Form.Item name="from" label={t("createVm.from")}>
        <SourceSelect onPick={onSource} />
      </Form.Item>
      <Form.Item
        name="name"
        label={t("common.name")}
        rules={[
          { required: true, whitespace: true, message: t("common.required") },
          { max: LIMITS.nameLength.max, message: t("createVm.tooLong", { count: LIMITS.nameLength.max }) },
        ]}
        {...(isTaken ? { extra: <span className="hint">{t("createVm.nameTaken")}</span> } : {})}
      >
        <Input autoFocus autoComplete="off" />
      </Form.Item>
      <Form.Item
        name="description"
        label={t("common.description")}
        rules={[{ max: LIMITS.descriptionLength.max }]}
      >
        <Input.TextArea rows={2} />
      </Form.Item>
      <Form.Item
        name="location"
        label={t("createVm.location")}
        extra={t("createVm.locationHint")}
        rules={[{ required: true, message: t("common.required") }]}
      >
        <LocationSelect />
      </Form.Item>
    </>
  );
}

interface Picking {
  id?: string;
  value?: string;
  onChange?: (urn: string) => void;
}

/** Nothing, a template, or the VM that the page was opened for. */
function SourceSelect({ onPick, onChange, value, ...rest }: Picking & { onPick: (urn: string) => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const templates = useQuery({
    ...vmsQuery({ isTemplate: true, name: text, limit: 100, detail: 0 }),
    placeholderData: keepPreviousData,
  });
  const chosen = useQuery({ ...vmQuery(value ?? ""), enabled: value !== undefined && value !== "" });
  const found = templates.data?.items ?? [];
  const others = chosen.data && !found.some((one) => one.urn === value) ? [chosen.data] : [];
  return (
    <Select<string>
      {...rest}
      value={value ?? ""}
      aria-label={t("createVm.from")}
      showSearch={{ filterOption: false, onSearch: setText }}
      onChange={(urn) => {
        onChange?.(urn);
        onPick(urn);
      }}
      options={[
        { value: "", label: t("createVm.fromNothing") },
        {
          label: t("shell.templates"),
          options: [...others, ...found].map((vm) => ({ value: vm.urn, label: vm.name })),
        },
      ]}
    />
  );
}

function LocationSelect({ value, ...rest }: Picking) {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const clusters = useQuery(clustersQuery());
  const hosts = useQuery({
    ...hostsQuery({ limit: 100, ...(text === "" ? {} : { name: text }) }),
    placeholderData: keepPreviousData,
  });
  const needle = text.toLowerCase();
  return (
    <Select<string>
      {...rest}
      {...(value ? { value } : {})}
      aria-label={t("createVm.location")}
      placeholder={t("createVm.chooseLocation")}
      loading={clusters.isLoading || hosts.isLoading}
      showSearch={{ filterOption: false, onSearch: setText }}
      options={[
        {
          label: t("shell.clusters"),
          options: (clusters.data ?? [])
            .filter((one) => one.name.toLowerCase().includes(needle))
            .map((one) => ({ value: one.urn, label: one.name })),
        },
        {
          label: t("shell.hosts"),
          options: (hosts.data?.items ?? []).map((one) => ({
            value: one.urn,
            label: one.clusterName ? `${one.name} (${one.clusterName})` : one.name,
            disabled: one.status !== "normal" || one.isMaintaining,
          })),
        },
      ]}
    />
  );
}
