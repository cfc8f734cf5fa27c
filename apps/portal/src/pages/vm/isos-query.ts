import { queryOptions } from "@tanstack/react-query";
import { client } from "../../api/client.ts";

interface LibraryIso {
  readonly id: string;
  readonly name: string;
  readonly datastoreUrn: string;
  readonly sizeBytes: number;
  readonly status: "uploading" | "ready" | "failed";
  readonly attachedVms: readonly string[];
}

/** Images that can be put into a CD drive. */
export const readyIsosQuery = () =>
  queryOptions({
    queryKey: ["isos", "ready"],
    queryFn: async () => {
      const { isos } = await client.api.get<{ isos: readonly LibraryIso[] }>("/sinter/v1/isos");
      return isos.filter((iso) => iso.status === "ready");
    },
  });
