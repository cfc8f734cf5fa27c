import { Select } from "antd";
import { useQuery } from "@tanstack/react-query";
import { collect } from "@sinter/client/portable";
import { client } from "../api/client.ts";

export interface HostSelectProps {
  readonly id?: string;
  readonly isMultiple?: boolean;
  /** URNs that are not offered. */
  readonly without?: readonly string[];
  readonly value?: string | string[];
  readonly onChange?: (value: string | string[]) => void;
}

/** One or several hosts, found by typing; `value` and `onChange` come from the form. */
export function HostSelect(props: HostSelectProps) {
  const { data, isLoading } = useQuery({
    queryKey: ["hosts", "names"],
    queryFn: async () =>
      (await collect(client.hosts.iterate())).map(({ urn, name }) => ({ value: urn, label: name })),
  });
  return (
    <Select
      {...(props.id === undefined ? {} : { id: props.id })}
      {...(props.isMultiple ? { mode: "multiple" as const, maxTagCount: 8 } : {})}
      showSearch={{ optionFilterProp: "label" }}
      loading={isLoading}
      {...(props.value === undefined ? {} : { value: props.value })}
      {...(props.onChange === undefined ? {} : { onChange: props.onChange })}
      options={(data ?? []).filter((host) => props.without?.includes(host.value) !== true)}
    />
  );
}
