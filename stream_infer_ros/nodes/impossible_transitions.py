"""Refuse a transition that the state does not allow, instead of ending the process."""

from __future__ import annotations

from lifecycle_msgs.srv import ChangeState
from rclpy.lifecycle import LifecycleNode

from stream_infer_ros.graph.ros.rclpy_internals import ChangeStateCallback, RCLError, wrap_change_state


def refuse_impossible_transitions(node: LifecycleNode) -> None:
    """Answer `change_state` with `success` false where rclpy raises.

    Up to Jazzy, rclpy passes the error of `configure` on an active node on to the executor. The request is
    then never answered, and the program that spins the node ends. Kilted refuses the transition itself.
    """

    def refusing(change: ChangeStateCallback) -> ChangeStateCallback:
        def guarded(request: ChangeState.Request, response: ChangeState.Response) -> ChangeState.Response:
            try:
                return change(request, response)
            except RCLError as error:
                transition = request.transition.label or request.transition.id
                reason = str(error).splitlines()[0]
                node.get_logger().warning(f'transition {transition} was refused: {reason}')
                response.success = False
                return response

        return guarded

    wrap_change_state(node, refusing)
