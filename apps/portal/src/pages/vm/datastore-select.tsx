import { Select } from "antd";
import { useQuery } from "@tanstack/react-query";
import type { WireDatastore } from "@sinter/northbound";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { gibibytes } from "../../ui/format.ts";

/** Datastores that hosts of a place reach; without a place, all. */
export const datastoresAtQuery = (place: string | undefined) => ({
  queryKey: ["datastores", "at", place] as const,
  queryFn: async () =>
    (await client.datastores.list({ limit: 100, ...(place === undefined ? {} : { scope: place }) })).items,
});

const isUsable = (datastore: WireDatastore): boolean =>
  datastore.status === "NORMAL" || datastore.status === "CONNECTED";

/** A datastore with the room that is left on it. */
export function DatastoreSelect(props: {
  id?: string;
  place?: string | undefined;
  value?: string;
  onChange?: (urn: string) => void;
}) {
  const { t } = useTranslation();
  const { place, value, ...rest } = props;
  const { data, isLoading } = useQuery(datastoresAtQuery(place));
  return (
    <Select<string>
      {...rest}
      {...(value ? { value } : {})}
      aria-label={t("vm.datastore")}
      placeholder={t("vm.chooseDatastore")}
      loading={isLoading}
      popupMatchSelectWidth={false}
      notFoundContent={t("vm.noDatastores")}
      options={(data ?? []).map((one) => ({
        value: one.urn,
        disabled: !isUsable(one),
        label: isUsable(one)
          ? t("vm.datastoreFree", { name: one.name, free: gibibytes(one.actualFreeSizeGB) })
          : t("vm.datastoreAway", { name: one.name }),
      }))}
    />
  );
}
