import type {
  CreatedAnswer,
  CreatePortGroupRequest,
  CreateSwitchRequest,
  HostPortRequest,
  ModifyPortGroupRequest,
  ModifySwitchRequest,
  PortGroupList,
  SwitchList,
  TaskAnswer,
  WirePortGroup,
  WireSwitch,
} from "@sinter/northbound";
import type { Static } from "typebox";
import type { Api } from "../api.ts";
import { iteratePages, type Page, type PageQuery } from "../pages.ts";
import { pathOf, type Reference } from "../references.ts";

export interface VlanRange {
  readonly startVlanId: number;
  readonly endVlanId: number;
}

export function createSwitches(api: Api) {
  return {
    /** All of them: this list has no pages. */
    async list(query: { readonly name?: string; readonly location?: string } = {}) {
      return (await api.get<Static<typeof SwitchList>>(await api.inSite("dvswitchs"), query)).dvSwitchs;
    },
    get: (aSwitch: Reference) => api.get<WireSwitch>(pathOf(aSwitch)),
    create: async (request: CreateSwitchRequest) =>
      api.post<CreatedAnswer>(await api.inSite("dvswitchs"), request),
    modify: (aSwitch: Reference, change: ModifySwitchRequest) => api.put<object>(pathOf(aSwitch), change),
    remove: (aSwitch: Reference) => api.remove<object>(pathOf(aSwitch)),
    addVlans: (aSwitch: Reference, vlanPoolSet: readonly VlanRange[]) =>
      api.post<object>(`${pathOf(aSwitch)}/action/addvlanpool`, { vlanPoolSet }),
    removeVlans: (aSwitch: Reference, vlanPoolSet: readonly VlanRange[]) =>
      api.post<TaskAnswer>(`${pathOf(aSwitch)}/action/delvlanpool`, { vlanPoolSet }),
    /** Lets further hosts carry it, with the NICs that they give it. */
    addHosts: (aSwitch: Reference, hostPortSet: readonly HostPortRequest[]) =>
      api.post<object>(`${pathOf(aSwitch)}/action/addhost`, { hostPortSet }),
    removeHosts: (aSwitch: Reference, hostPortSet: readonly HostPortRequest[]) =>
      api.post<object>(`${pathOf(aSwitch)}/action/delhost`, { hostPortSet }),
  };
}

export type PortGroupQuery = PageQuery & {
  /** Only the port groups of this switch; absent: of the whole site. */
  readonly ofSwitch?: Reference;
  /** Substring; only within one switch. */
  readonly portGroupName?: string;
};

export function createPortGroups(api: Api) {
  const list = async (query: PortGroupQuery = {}): Promise<Page<WirePortGroup>> => {
    const { ofSwitch, ...filter } = query;
    const path = ofSwitch === undefined ? await api.inSite("portgroups") : `${pathOf(ofSwitch)}/portgroups`;
    const answer = await api.get<Static<typeof PortGroupList>>(path, filter);
    return { total: answer.total, items: answer.portGroups };
  };
  return {
    list,
    iterate: (query: Omit<PortGroupQuery, keyof PageQuery> = {}) =>
      iteratePages(
        (page) => list({ ...query, ...page }),
        (portGroup) => portGroup.urn,
      ),
    get: (portGroup: Reference) => api.get<WirePortGroup>(pathOf(portGroup)),
    create: (ofSwitch: Reference, request: CreatePortGroupRequest) =>
      api.post<CreatedAnswer>(`${pathOf(ofSwitch)}/portgroups`, request),
    modify: (portGroup: Reference, change: ModifyPortGroupRequest) =>
      api.put<TaskAnswer>(pathOf(portGroup), change),
    remove: (portGroup: Reference) => api.remove<TaskAnswer>(pathOf(portGroup)),
  };
}
