export function VmListPage() {
  return <h1>VmListPage</h1>;
}
