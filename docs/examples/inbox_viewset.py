from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from django_notification_system.contrib.inbox.models import InboxItem


class InboxViewSet(ViewSet):
    permission_classes = [IsAuthenticated]

    def list(self, request):
        before = request.query_params.get("before")
        try:
            items = InboxItem.objects.of(request.user).newest(20, before=before)
        except ValueError as error:
            raise ValidationError({"before": str(error)}) from error
        following = items[-1].cursor if len(items) == 20 else None
        return Response({"items": [item.as_dict() for item in items], "next": following})

    @action(detail=False)
    def unread(self, request):
        return Response({"unread": InboxItem.objects.unread_count(request.user)})

    @action(detail=True, methods=["post"])
    def read(self, request, pk):
        item = get_object_or_404(InboxItem.objects.of(request.user), pk=pk)
        InboxItem.objects.filter(pk=item.pk).mark_read()
        return Response(status=204)
