"""A transition that the state does not allow is refused, instead of ending the process."""

from __future__ import annotations

from lifecycle_msgs.srv import ChangeState
from rclpy.lifecycle import LifecycleNode

from stream_infer_ros.graph.ros.calls import RCLError


def refuse_impossible_transitions(node: LifecycleNode) -> None:
    """Answer `change_state` with no success where rclpy raises.

    rclpy lets the error of `configure` on an active node through to the executor: the request is never
    answered, and whoever spins the node dies of it.
    """
    service = node._service_change_state
    change = service.callback

    def guarded(request: ChangeState.Request, response: ChangeState.Response) -> ChangeState.Response:
        try:
            return change(request, response)
        except RCLError as error:
            transition = request.transition.label or request.transition.id
            node.get_logger().warning(f'transition {transition} was refused: {str(error).splitlines()[0]}')
            response.success = False
            return response

    service.callback = guarded
