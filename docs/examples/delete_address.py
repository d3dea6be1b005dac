from django_notification_system.models import TargetUserRecord

TargetUserRecord.objects.filter(user=None, target_user_id__iexact="ann@example.com").delete()
