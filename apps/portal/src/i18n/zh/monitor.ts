import type { Same } from "../messages.ts";
import type { monitor as en } from "../en/monitor.ts";

export const monitor: Same<typeof en> = {
  title: "性能",
  range: "时间范围",
  ranges: { hour: "1 小时", day: "24 小时", week: "7 天", month: "30 天" },
  panels: { cpu: "CPU", memory: "内存", disk: "磁盘", network: "网络" },
  metrics: {
    cpu_usage: "CPU 使用率",
    mem_usage: "内存使用率",
    disk_io_out: "磁盘读速率",
    disk_io_in: "磁盘写速率",
    nic_byte_in: "接收速率",
    nic_byte_out: "发送速率",
  },
  now: "当前",
  asOf: "截至 {{time}}",
  figure: "指标",
  latest: "最新值",
  mean: "平均值",
  highest: "最高值",
  inWords: "{{name}}：平均 {{mean}}，最高 {{highest}}。",
  noFigures: {
    vm: "当前没有测量数据：虚拟机未运行，或其主机无响应。",
    host: "当前没有测量数据：主机无响应。",
    cluster: "当前没有测量数据：集群中没有主机响应。",
  },
};
