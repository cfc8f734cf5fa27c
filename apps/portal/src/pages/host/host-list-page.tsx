export function HostListPage() {
  return <h1>HostListPage</h1>;
}
