# Makes the office files beside it: pip install reportlab python-docx python-pptx openpyxl; python make.py .
import io, sys, os
out=sys.argv[1]; os.makedirs(out,exist_ok=True)
from reportlab.pdfgen import canvas
c=canvas.Canvas(out+'/leave.pdf', pageCompression=1); c.setTitle('Leave policy'); c.setAuthor('People team')
c.setFont('Helvetica',18); c.drawString(72,770,'Leave policy'); c.setFont('Helvetica',11)
for i,l in enumerate(['Everybody has 28 days of leave a year.','Unused days lapse on 31 March.']): c.drawString(72,740-14*i,l)
c.showPage(); c.setFont('Helvetica',11); c.drawString(72,770,'Parental leave lasts 16 weeks.'); c.drawString(300,770,'See form P-7.'); c.showPage(); c.save()
from reportlab.lib import pdfencrypt
c=canvas.Canvas(out+'/secret.pdf', encrypt=pdfencrypt.StandardEncryption('pw','owner')); c.drawString(72,700,'hidden'); c.save()
import docx
d=docx.Document(); d.core_properties.title='Onboarding'; d.core_properties.author='Ada'
d.add_heading('Onboarding',1); d.add_paragraph('Welcome to the team.'); d.add_heading('First day',2)
d.add_paragraph('Fetch your badge',style='List Bullet'); d.add_paragraph('Sign in',style='List Bullet')
t=d.add_table(rows=2,cols=2); t.cell(0,0).text='Item'; t.cell(0,1).text='Owner'; t.cell(1,0).text='Laptop'; t.cell(1,1).text='IT | helpdesk'
d.add_paragraph('Umlauts: äöü and 日本語.'); d.save(out+'/onboarding.docx')
import pptx
p=pptx.Presentation(); p.core_properties.title='Quarter'
s=p.slides.add_slide(p.slide_layouts[1]); s.shapes.title.text='Revenue'; s.placeholders[1].text='Up by 12 percent'
s.notes_slide.notes_text_frame.text='Mention the new customers.'
s=p.slides.add_slide(p.slide_layouts[1]); s.shapes.title.text='Plans'; s.placeholders[1].text='Ship the gateway'; p.save(out+'/quarter.pptx')
import openpyxl, datetime
w=openpyxl.Workbook(); w.active.title='Prices'
w.active.append(['Product','Price','Since']); w.active.append(['Widget',9.5,datetime.date(2024,1,31)]); w.active.append(['Gadget',12,None])
x=w.create_sheet('Empty'); y=w.create_sheet('Sum'); y['A1']='Total'; y['B1']='=1+1'; w.save(out+'/prices.xlsx')
