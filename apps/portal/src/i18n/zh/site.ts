import type { Same } from "../messages.ts";
import type { site as en } from "../en/site.ts";

export const site: Same<typeof en> = {
  address: "管理节点地址",
  version: "版本",
  timeZone: "时区",
  noClusters: "尚无集群。",
  createCluster: "创建集群",
  removeCluster: "删除集群",
  removeClusterText: "将删除 {{name}}。如果其中有主机或虚拟机，操作会被拒绝。",
  vcpus: "已分配虚拟 CPU",
  memoryPromised: "已分配内存",
  arch: "架构",
  vcpusLeft: "不超分时剩余虚拟 CPU",
  memoryLeft: "剩余内存",
  vcpusAll: "全部虚拟机的虚拟 CPU（含已停止）",
  memoryAll: "全部虚拟机的内存（含已停止）",
};
