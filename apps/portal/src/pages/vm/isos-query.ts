import { queryOptions } from "@tanstack/react-query";
import { client } from "../../api/client.ts";

/** Images that can be put into a CD drive. */
export const readyIsosQuery = () =>
  queryOptions({
    queryKey: ["isos", "ready"],
    queryFn: async () => (await client.isos.list()).filter((iso) => iso.status === "ready"),
  });
