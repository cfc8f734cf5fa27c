import type {
  CurveAnswer,
  CurveQuery,
  RealtimeAnswer,
  RealtimeQuery,
  TopAnswer,
  TopQuery,
} from "@sinter/northbound";
import type { Api } from "../api.ts";

/** Figures of hosts, clusters and VMs. All numbers are text, times are epoch seconds, as the contract has it. */
export function createMonitor(api: Api) {
  return {
    realtime: async (query: RealtimeQuery) =>
      (await api.post<RealtimeAnswer>(await api.inSite("monitors", "objectmetric-realtimedata"), query))
        .items,
    curves: async (query: CurveQuery) =>
      (await api.post<CurveAnswer>(await api.inSite("monitors", "objectmetric-curvedata"), query)).items,
    /** Hosts with the highest or lowest mean of a figure, of a cluster or of the site. */
    top: async (query: TopQuery) =>
      (
        await api.post<TopAnswer>(
          await api.inSite("monitors", "TopoStatistic", "objectmetric-curvedata"),
          query,
        )
      ).items,
  };
}
