import { Input, Segmented, Tree, type TreeDataNode } from "antd";
import {
  ApartmentOutlined,
  CloudServerOutlined,
  ClusterOutlined,
  DatabaseOutlined,
  DesktopOutlined,
  FileImageOutlined,
  GlobalOutlined,
  HddOutlined,
  PartitionOutlined,
} from "@ant-design/icons";
import { useQueries, useQuery } from "@tanstack/react-query";
import { useLocation, useNavigate } from "@tanstack/react-router";
import { type Key, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import {
  clustersQuery,
  datastoresQuery,
  hostsQuery,
  portGroupsQuery,
  switchesQuery,
  vmsQuery,
} from "../api/queries.ts";
import { useSession } from "../api/session-store.ts";
import { pageOf } from "../api/urns.ts";
import { preferences } from "../ui/preferences.ts";

type View = "compute" | "storage" | "network";
/** More children than this are a list's job. */
const CHILDREN_MAX = 100;
const MORE = "more:";

interface Node extends TreeDataNode {
  key: string;
  children?: Node[];
}

/** Site, clusters, hosts and VMs; or storage; or networks. Children are read when their parent is opened. */
export function InventoryTree() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const [view, setView] = useState<View>(() => viewOf(pathname));
  const [text, setText] = useState("");
  const [expanded, setExpanded] = useState<string[]>(() => preferences.expanded());
  const box = useRef<HTMLDivElement>(null);
  const [height, setHeight] = useState(400);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const watcher = new ResizeObserver(() => setHeight(element.clientHeight));
    watcher.observe(element);
    return () => watcher.disconnect();
  }, []);
  useEffect(() => setView(viewOf(pathname)), [pathname]);

  const session = useSession();
  const isOpen = expanded.length === 0 ? [session.siteUrn] : expanded;
  const compute = useComputeNodes(isOpen, text, view === "compute");
  const storage = useStorageNodes(text, view === "storage");
  const network = useNetworkNodes(text, view === "network");
  const nodes = { compute, storage, network }[view];
  const selected = useMemo(() => selectedKey(nodes, pathname), [nodes, pathname]);

  const open = (key: string): void => {
    const to = key.startsWith(MORE) ? `/vms` : key.startsWith("/") ? key : pageOf(key);
    if (to === undefined) return;
    const search = key.startsWith(MORE) ? { scope: key.slice(MORE.length) } : {};
    void navigate({ to, search });
  };
  return (
    <>
      <Segmented<View>
        block
        value={view}
        onChange={setView}
        aria-label={t("shell.navigation")}
        options={[
          { value: "compute", label: t("shell.compute") },
          { value: "storage", label: t("shell.storage") },
          { value: "network", label: t("shell.network") },
        ]}
      />
      <Input.Search
        className="tree-filter"
        placeholder={t("common.filter")}
        aria-label={t("common.filter")}
        allowClear
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <div ref={box} className="tree-box">
        <Tree<Node>
          treeData={nodes}
          height={height}
          blockNode
          showIcon
          motion={false}
          expandedKeys={text === "" ? isOpen : allKeys(nodes)}
          selectedKeys={selected === undefined ? [] : [selected]}
          onExpand={(keys: Key[]) => {
            setExpanded(keys.map(String));
            preferences.setExpanded(keys.map(String));
          }}
          onSelect={(_keys, { node }) => open(node.key)}
        />
      </div>
    </>
  );
}

function useComputeNodes(open: readonly string[], text: string, isShown: boolean): Node[] {
  const { t } = useTranslation();
  const session = useSession();
  const isFiltering = text.trim() !== "";
  const clusters = useQuery({ ...clustersQuery(), enabled: isShown });
  const hosts = useQuery({ ...hostsQuery({ limit: CHILDREN_MAX }), enabled: isShown });
  const hits = useQuery({
    ...vmsQuery({ name: text.trim(), limit: CHILDREN_MAX, detail: 1 }),
    enabled: isShown && isFiltering,
  });
  const openHosts = isFiltering ? [] : (hosts.data?.items ?? []).filter((host) => open.includes(host.urn));
  const vmsOf = useQueries({
    queries: openHosts.map((host) => ({
      ...vmsQuery({ scope: host.urn, limit: CHILDREN_MAX, detail: 0 }),
      enabled: isShown,
    })),
  });
  if (!isShown) return [];

  const vmNode = (vm: { urn: string; name: string; status: string; isTemplate?: boolean }): Node => ({
    key: vm.urn,
    title: vm.name,
    icon: vm.isTemplate ? <FileImageOutlined /> : <DesktopOutlined className={`vm-${vm.status}`} />,
    isLeaf: true,
  });
  if (isFiltering) {
    const needle = text.trim().toLowerCase();
    const hostHits = (hosts.data?.items ?? []).filter((host) => host.name.toLowerCase().includes(needle));
    return [
      ...hostHits.map((host) => ({
        key: host.urn,
        title: host.name,
        icon: <CloudServerOutlined />,
        isLeaf: true,
      })),
      ...(hits.data?.items ?? []).map(vmNode),
    ];
  }
  const hostNode = (host: { urn: string; name: string; status: string }): Node => {
    const page = vmsOf[openHosts.findIndex((one) => one.urn === host.urn)]?.data;
    const rest = page ? page.total - page.items.length : 0;
    return {
      key: host.urn,
      title: host.name,
      icon: <CloudServerOutlined className={`host-${host.status}`} />,
      children: page
        ? [
            ...page.items.map(vmNode),
            ...(rest > 0
              ? [{ key: `${MORE}${host.urn}`, title: t("shell.moreVms", { count: rest }), isLeaf: true }]
              : []),
          ]
        : [{ key: `wait:${host.urn}`, title: t("common.loading"), isLeaf: true, selectable: false }],
    };
  };
  const all = hosts.data?.items ?? [];
  const restHosts = (hosts.data?.total ?? 0) - all.length;
  const outside = all.filter((host) => !host.clusterUrn);
  return [
    {
      key: session.siteUrn,
      title: session.siteName,
      icon: <GlobalOutlined />,
      children: [
        ...(clusters.data ?? []).map((cluster) => ({
          key: cluster.urn,
          title: cluster.name,
          icon: <ClusterOutlined />,
          children: all.filter((host) => host.clusterUrn === cluster.urn).map(hostNode),
        })),
        ...outside.map(hostNode),
        {
          key: "/hosts",
          title: restHosts > 0 ? t("shell.moreVms", { count: restHosts }) : t("shell.hosts"),
          icon: <CloudServerOutlined />,
          isLeaf: true,
        },
        { key: "/vms", title: t("shell.vms"), icon: <DesktopOutlined />, isLeaf: true },
        { key: "/tasks", title: t("shell.tasks"), icon: <PartitionOutlined />, isLeaf: true },
      ],
    },
  ];
}

function useStorageNodes(text: string, isShown: boolean): Node[] {
  const { t } = useTranslation();
  const datastores = useQuery({ ...datastoresQuery(), enabled: isShown });
  if (!isShown) return [];
  return [
    {
      key: "/storage",
      title: t("shell.storage"),
      icon: <HddOutlined />,
      children: (datastores.data ?? [])
        .filter((one) => matches(one.name, text))
        .map((one) => ({ key: one.urn, title: one.name, icon: <DatabaseOutlined />, isLeaf: true })),
    },
    { key: "/isos", title: t("shell.isos"), icon: <FileImageOutlined />, isLeaf: true },
  ];
}

function useNetworkNodes(text: string, isShown: boolean): Node[] {
  const { t } = useTranslation();
  const switches = useQuery({ ...switchesQuery(), enabled: isShown });
  const groups = useQuery({ ...portGroupsQuery(), enabled: isShown });
  if (!isShown) return [];
  return [
    {
      key: "/network",
      title: t("shell.network"),
      icon: <ApartmentOutlined />,
      children: (switches.data ?? []).map((one) => ({
        key: one.urn,
        title: one.name,
        icon: <ApartmentOutlined />,
        children: (groups.data ?? [])
          .filter((group) => group.urn.startsWith(`${one.urn}:`) && matches(group.name, text))
          .map((group) => ({ key: group.urn, title: group.name, icon: <PartitionOutlined />, isLeaf: true })),
      })),
    },
  ];
}

function matches(name: string, text: string): boolean {
  return name.toLowerCase().includes(text.trim().toLowerCase());
}

function viewOf(pathname: string): View {
  if (/^\/(storage|datastores|isos)/.test(pathname)) return "storage";
  if (/^\/(network|switches)/.test(pathname)) return "network";
  return "compute";
}

function allKeys(nodes: readonly Node[]): string[] {
  return nodes.flatMap((node) => [node.key, ...allKeys(node.children ?? [])]);
}

function selectedKey(nodes: readonly Node[], pathname: string): string | undefined {
  return allKeys(nodes).find((key) => key === pathname || pageOf(key) === pathname);
}
