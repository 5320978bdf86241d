"""A function by its name: an aggregate, the session's, one of the scalar ones, or none."""

from __future__ import annotations

from abc import abstractmethod

from deploy.local.sqlserver.errors import SqlError, Unsupported
from deploy.local.sqlserver.rendering.bound import Bound
from deploy.local.sqlserver.rendering.functions import FUNCTIONS, system
from deploy.local.sqlserver.rendering.functions.arguments import ArgumentRenderer, check_count
from deploy.local.sqlserver.rendering.functions.missing import MISSING
from deploy.local.sqlserver.translation import syntax


class BuiltinRenderer(ArgumentRenderer):
    @abstractmethod
    def aggregate(self, node: syntax.Function) -> Bound | None:
        """Return an aggregate, None for any other function."""

    def function(self, node: syntax.Function) -> Bound:
        found = self.aggregate(node)
        if found is not None:
            return found
        if node.over is not None or node.within or node.distinct:
            raise Unsupported(f"{node.name} with OVER, WITHIN GROUP or DISTINCT")
        session = system.SESSION.get(node.name)
        if session is not None:
            check_count(node, 0, 0)
            return self.from_system(node.name, session[0], nullable=session[1])
        asking = system.ASKING.get(node.name)
        if asking is not None:
            type_, least, most = asking
            self.read_data = self.read_data or node.name.startswith("CHANGE_TRACKING")
            check_count(node, least, most)
            arguments = ", ".join(self.text(self.scalar(part)) for part in node.arguments)
            return Bound(f"{node.name}({arguments})", type_)
        render = FUNCTIONS.get(node.name)
        if render is None:
            if node.name in MISSING:
                raise Unsupported(f"the function {node.name}")
            raise SqlError(
                195, f"'{node.name}' is not a recognized built-in function name.", severity=15
            )
        return render(self, node)
