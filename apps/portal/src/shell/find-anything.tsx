import { AutoComplete, Input } from "antd";
import { SearchOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useDeferredValue, useState } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../api/client.ts";
import { pageOf } from "../api/urns.ts";

const HITS = 8;
const ADDRESS = /^[0-9a-fA-F.:]{3,}$/;

/** Searches names of VMs, hosts and datastores; what looks like an address is looked for in VMs' and hosts' addresses too. */
export function FindAnything() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const wanted = useDeferredValue(text.trim());
  const { data, isFetching } = useQuery({
    queryKey: ["search", wanted],
    enabled: wanted.length > 0,
    queryFn: async () => {
      const isAddress = ADDRESS.test(wanted);
      const [byName, byIp, hosts, hostsByIp, datastores] = await Promise.all([
        client.vms.list({ name: wanted, limit: HITS, detail: 0 }),
        isAddress ? client.vms.list({ ip: wanted, limit: HITS, detail: 0 }) : undefined,
        client.hosts.list({ name: wanted, limit: HITS }),
        isAddress ? client.hosts.list({ ip: wanted, limit: HITS }) : undefined,
        client.datastores.list({ name: wanted, limit: HITS }),
      ]);
      return { vms: [byName, byIp], hosts: [hosts, hostsByIp], datastores: [datastores] };
    },
  });
  const group = (
    label: string,
    pages: readonly ({ items: readonly { urn: string; name: string }[] } | undefined)[],
  ) => {
    const hits = new Map(pages.flatMap((page) => page?.items ?? []).map((item) => [item.urn, item.name]));
    if (hits.size === 0) return [];
    return [{ label, options: [...hits].slice(0, HITS).map(([urn, name]) => ({ value: urn, label: name })) }];
  };
  const options =
    wanted === "" || !data
      ? []
      : [
          ...group(t("shell.vms"), data.vms),
          ...group(t("shell.hosts"), data.hosts),
          ...group(t("shell.storage"), data.datastores),
        ];
  return (
    <AutoComplete
      className="find"
      value={text}
      options={options}
      onChange={(value: string) => {
        if (!value.startsWith("urn:")) setText(value);
      }}
      onSelect={(urn: string) => {
        setText("");
        const page = pageOf(urn);
        if (page !== undefined) void navigate({ to: page });
      }}
      notFoundContent={wanted !== "" && !isFetching ? t("shell.noHits", { text: wanted }) : null}
    >
      <Input
        prefix={<SearchOutlined />}
        placeholder={t("shell.findAnything")}
        aria-label={t("shell.findAnything")}
        allowClear
      />
    </AutoComplete>
  );
}
